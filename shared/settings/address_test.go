package settings

import (
	"net"
	"strconv"
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	var c struct {
		To Address `port:"7513"`
	}
	for text, want := range map[string]string{
		"": "", ":0": ":0", "localhost:65535": "localhost:65535", "10.0.0.1:80": "10.0.0.1:80", "[::1]:1": "[::1]:1",
		"[fe80::1%eth0]:1": "[fe80::1%eth0]:1",
		// Without a port.
		"localhost": "localhost:7513", "10.0.0.1": "10.0.0.1:7513", "::1": "[::1]:7513", "[::1]": "[::1]:7513",
		"fe80::1%eth0": "[fe80::1%eth0]:7513", "2001:db8::a:b": "[2001:db8::a:b]:7513", "a-1.example": "a-1.example:7513",
	} {
		clean(t, "TEST_TO="+text)
		if _, err := Load("TEST", &c); err != nil || string(c.To) != want {
			t.Errorf("%q is read as %q, %v", text, c.To, err)
		}
	}
}

func TestNoAddress(t *testing.T) {
	const form = "must be an address such as localhost:7513, [::1]:7513 or :7513"
	var c struct {
		To Address `port:"7513"`
	}
	for text, want := range map[string]string{
		"7513":             form + ": a port alone is written :7513",
		"::1:80":           form + ": put the IPv6 address in brackets, and the port behind them",
		"2001:db8::1:7513": form + ": put the IPv6 address in brackets, and the port behind them",
		"a:b:1":            form, ":65536": form + ": its port must be a number up to 65535",
		":http": form + ": its port must be a number up to 65535",
		"host:": form + ": its port must be a number up to 65535", "[::1]:": form + ": its port must be a number up to 65535",
		"[host]:1": form, "[host]": form, "[a:b]:1": form,
		"https://host": form + `: leave "https://" out`, "tcp://host:1": form + `: leave "tcp://" out`,
		"host/path": form + ": it has a character that belongs to no host",
		"user@host": form + ": it has a character that belongs to no host",
		"a,b":       form + ": it has a character that belongs to no host", "host :7513": form + ": it contains a blank",
		" host":       form + ": it begins with a blank",
		"host:7513\r": form + ": it ends with a carriage return, as of a Windows line end",
		`"host"`:      form + ": it begins with a quotation mark", "ho\u00a0st": form + ": it contains a blank",
		"host\u200b": form + ": it ends with the invisible character U+200B",
		"\ufeffhost": form + ": it begins with a byte order mark",
	} {
		clean(t, "TEST_TO="+text)
		_, err := Load("TEST", &c)
		if err == nil || err.Error() != "TEST_TO="+strconv.Quote(text)+": "+want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzAddress: what is read as an address has a host that can be dialled or is
// missing, and a port of 16 bits or none, and reads as itself.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"", ":0", "localhost:7513", "[::1]:1", "a:b:1", "host:+1", "[:1", "]:1", "host:65536",
		"::1", "[::1]", "host"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var a, again Address
		if err := a.UnmarshalText([]byte(text)); err != nil || text == "" {
			if a != "" || (err != nil) != (text != "") {
				t.Fatalf("%q is refused with %v, and read as %q", text, err, a)
			}
			return
		}
		host, port, err := net.SplitHostPort(string(a))
		if n, numeric := strconv.ParseUint(port, 10, 16); err != nil || port != "" && numeric != nil || n > 65535 ||
			strings.ContainsAny(host, " /\"") {
			t.Fatalf("%q is read as %q: host %q, port %q", text, a, host, port)
		}
		if port == "" {
			return // Load gives it one
		}
		if err := again.UnmarshalText([]byte(a)); err != nil || again != a {
			t.Fatalf("%q is read as %q, and that as %q, %v", text, a, again, err)
		}
	})
}
