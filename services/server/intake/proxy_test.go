package intake_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/intake"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
)

// proxyAddress is one that the server of these tests believes; every address in
// 127.0.0.0/8 is this machine's.
const proxyAddress = "127.0.0.2"

func behindProxy(limits intake.Limits) options {
	return options{limits: limits, proxies: []netip.Prefix{netip.MustParsePrefix(proxyAddress + "/32")}}
}

// version2 makes a header by hand: command and family are the bytes 13 and 14.
func version2(command, family byte, block []byte) []byte {
	b := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(block)))
	return append(b, block...)
}

// ipv4 is the block of two IPv4 addresses and ports.
func ipv4(source string, port uint16) []byte {
	from := netip.MustParseAddr(source).As4()
	b := append(from[:], 192, 0, 2, 1)
	b = binary.BigEndian.AppendUint16(b, port)
	return binary.BigEndian.AppendUint16(b, 7513)
}

func ipv6(source string, port uint16) []byte {
	from := netip.MustParseAddr(source).As16()
	b := append(from[:], make([]byte, 16)...)
	b = binary.BigEndian.AppendUint16(b, port)
	return binary.BigEndian.AppendUint16(b, 7513)
}

// fromProxy connects from the proxy's address and sends what it sends first.
func (s *server) fromProxy(t testing.TB, addr string, header []byte) *net.TCPConn {
	t.Helper()
	conn := s.dialRaw(t, addr, proxyAddress)
	_, err := conn.Write(header)
	check(t, err)
	return conn
}

// TestProxyHeader: a message behind a proxy, on both wires, is logged with its
// client's address, or with the proxy's where the header names none.
func TestProxyHeader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		header []byte
		remote string // "": the proxy's own
	}{
		{"version 1, IPv4", []byte("PROXY TCP4 198.51.100.7 192.0.2.1 4711 7513\r\n"), "198.51.100.7:4711"},
		{"version 1, IPv6", []byte("PROXY TCP6 2001:db8::7 2001:db8::1 4711 7513\r\n"), "[2001:db8::7]:4711"},
		{"version 1, unknown", []byte("PROXY UNKNOWN\r\n"), ""},
		{"version 1, unknown with more", []byte("PROXY UNKNOWN 2001:db8::7 2001:db8::1 4711 7513\r\n"), ""},
		{"version 2, IPv4", version2(0x21, 0x11, ipv4("198.51.100.7", 4711)), "198.51.100.7:4711"},
		{"version 2, IPv6", version2(0x21, 0x21, ipv6("2001:db8::7", 4711)), "[2001:db8::7]:4711"},
		{"version 2, with more fields", version2(0x21, 0x11, append(ipv4("198.51.100.7", 4711), 0x04, 0, 2, 0, 0)),
			"198.51.100.7:4711"},
		{"version 2, local", version2(0x20, 0x00, nil), ""},
		{"version 2, local with addresses", version2(0x20, 0x11, ipv4("198.51.100.7", 4711)), ""},
		{"version 2, a socket of Unix", version2(0x21, 0x31, make([]byte, 216)), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, behindProxy(intake.Limits{}))
			conn := s.fromProxy(t, s.addr, test.header)
			remote := test.remote
			if remote == "" {
				remote = conn.LocalAddr().String()
			}
			p, err := s.handshake(t, conn)
			check(t, err)
			p.login()
			p.deliver(plain("behind.txt", []byte("through a proxy")))
			want := fields{"remote": remote, "proxy": conn.LocalAddr().String()}
			s.logs.wait(t, 1, fields{"message": "client connected from " + remote, "proxy": want["proxy"]})
			s.logs.wait(t, 1, fields{"message": "message received from store-17", "remote": want["remote"],
				"proxy": want["proxy"]})

			key := cipher2012.DeriveKey("password")
			old := s.fromProxy(t, s.addr2012,
				append(append(test.header, key[:]...), cipher2012.Encrypt(key, []byte("as in 2012"))...))
			check(t, old.CloseWrite())
			if err := readEnd(old); !errors.Is(err, io.EOF) { // a close, not a reset
				t.Fatal(err)
			}
			if test.remote == "" {
				remote = old.LocalAddr().String()
			}
			s.logs.wait(t, 1, fields{"message": "message received from " + remote, "wire": "2012",
				"proxy": old.LocalAddr().String()})
			s.goesOn(t)
		})
	}
}

// Whoever is a proxy must say whom a connection is from, in time and in bounds.
func TestProxyWithoutHeader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		bytes []byte
		says  string // in the log
	}{
		{"a TLS greeting", []byte("\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03aaaaaaaaaaaaaaaaaa"), "signature not present"},
		{"a line without an end", []byte("PROXY TCP4 " + strings.Repeat("1", 200)), "107 bytes or less"},
		{"a port that cannot be", []byte("PROXY TCP4 198.51.100.7 192.0.2.1 65536 7513\r\n"), "invalid port"},
		{"a name for an address", []byte("PROXY TCP4 client.test 192.0.2.1 4711 7513\r\n"), "invalid address"},
		{"more than 4 KiB", append(version2(0x21, 0x11, nil)[:14], 0xff, 0xff), "invalid length"},
		{"too short for its addresses", version2(0x21, 0x11, make([]byte, 11)), "invalid length"},
		{"another version", version2(0x31, 0x11, ipv4("198.51.100.7", 4711)), "unsupported"},
		{"half a header", version2(0x21, 0x11, ipv4("198.51.100.7", 4711))[:20], "nothing came in time"},
		{"a byte", []byte("P"), "nothing came in time"},
		{"nothing", nil, "nothing came in time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			limits := intake.Limits{}
			if test.says == "nothing came in time" {
				limits.Handshake = 200 * time.Millisecond
			}
			o := behindProxy(limits)
			o.alone = true // a bystander's handshake may take longer
			s := start(t, o)
			for _, addr := range []string{s.addr, s.addr2012} {
				wantEnded(t, readEnd(s.fromProxy(t, addr, test.bytes)))
			}
			s.logs.wait(t, 2, fields{"message": "connection closed", "reason": "proxy header"})
			s.wantMetric(t, "sealpost_connections_closed_total", "proxy header", 2)
			if !strings.Contains(s.logs.text(), test.says) {
				t.Errorf("the log lacks %q:\n%s", test.says, s.logs.tail())
			}
		})
	}
}

// A header from anyone else is never believed: it is no TLS, and no 2012 message.
func TestProxyHeaderFromOthers(t *testing.T) {
	t.Parallel()
	key := cipher2012.DeriveKey("password")
	message := append(key[:], cipher2012.Encrypt(key, []byte("as in 2012"))...)
	for name, header := range map[string][]byte{
		"version 1":                []byte("PROXY TCP4 198.51.100.7 192.0.2.1 4711 7513\r\n"),
		"as long as a key of 2012": []byte("PROXY TCP4 7.7.7.7 2.2.2.2 1 2\r\n"),
		"version 2":                version2(0x21, 0x11, ipv4("198.51.100.7", 4711)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, proxies := range [][]netip.Prefix{nil, behindProxy(intake.Limits{}).proxies} {
				s := start(t, options{proxies: proxies})
				raw := s.dialRaw(t, s.addr, "")
				_, err := raw.Write(header)
				check(t, err)
				if _, err := s.handshake(t, raw); err == nil {
					t.Error("a client that is not a proxy was let in with its header")
				}
				s.wantClosed(t, "handshake failed")
				s.wantReset2012(t, append(header, message...))
				s.wantFiles(t, 0)
				s.goesOn(t)
				if text := s.logs.text(); strings.Contains(text, "198.51.100.7") || strings.Contains(text, "7.7.7.7") {
					t.Errorf("the log has the address:\n%s", text)
				}
			}
		})
	}
}

// Limits per address are those of the clients, not of the proxy.
func TestProxyConnectionLimits(t *testing.T) {
	t.Parallel()
	s := start(t, behindProxy(intake.Limits{ConnectionsPerAddress: 2, Connections: 6}))
	client := func(address string) (*peer, error) {
		return s.handshake(t, s.fromProxy(t, s.addr, []byte("PROXY TCP4 "+address+" 192.0.2.1 4711 7513\r\n")))
	}
	for _, address := range []string{"198.51.100.7", "198.51.100.7", "198.51.100.8", "198.51.100.9"} {
		p, err := client(address)
		check(t, err)
		p.login()
	}
	if _, err := client("198.51.100.7"); err == nil {
		t.Fatal("a third connection of one client was taken")
	}
	s.logs.wait(t, 1, fields{"message": "connection closed", "reason": "busy", "remote": "198.51.100.7:4711"})
	// With the bystander these are five; a sixth may wait for its header, no more.
	waiting := s.fromProxy(t, s.addr, []byte("P"))
	wantEnded(t, readEnd(s.fromProxy(t, s.addr, nil)))
	s.logs.wait(t, 2, fields{"message": "connection closed", "reason": "busy"})
	check(t, waiting.Close())
	s.logs.wait(t, 1, fields{"message": "connection closed", "reason": "proxy header"})
	p, err := client("198.51.100.8")
	check(t, err)
	p.login()
}

// So is the delay of those who guess tokens.
func TestProxyLoginDelay(t *testing.T) {
	t.Parallel()
	s := start(t, behindProxy(intake.Limits{LoginDelay: time.Hour}))
	wrong, err := token.New("store-17")
	check(t, err)
	guess := func(address string) *peer {
		p, err := s.handshake(t, s.fromProxy(t, s.addr, []byte("PROXY TCP4 "+address+" 192.0.2.1 4711 7513\r\n")))
		check(t, err)
		p.write(framing.AppendHello(nil, wrong.Reveal()))
		return p
	}
	for range 3 { // each has three failures free
		guess("198.51.100.7").wantClose(framing.CodeUnauthenticated)
		guess("198.51.100.8").wantClose(framing.CodeUnauthenticated)
	}
}

// A proxy's connection that has not said whom it is from holds no shutdown up,
// and one that only looks whether the port is open makes no noise.
func TestProxyWaits(t *testing.T) {
	t.Parallel()
	s := start(t, behindProxy(intake.Limits{}))
	probe := s.fromProxy(t, s.addr, nil)
	check(t, probe.Close())
	s.logs.wait(t, 1, fields{"message": "proxy left", "level": zerolog.DebugLevel.String()})
	reset := s.fromProxy(t, s.addr, nil)
	check(t, reset.SetLinger(0))
	check(t, reset.Close())
	s.logs.wait(t, 2, fields{"message": "proxy left"})
	// HAProxy sends a header first, then resets.
	reset = s.fromProxy(t, s.addr, []byte("PROXY UNKNOWN\r\n"))
	check(t, reset.SetLinger(0))
	check(t, reset.Close())
	own := s.dialRaw(t, s.addr, proxyAddress)
	from := own.LocalAddr().(*net.TCPAddr)
	_, err := fmt.Fprintf(own, "PROXY TCP4 %s 192.0.2.1 %d 7513\r\n", from.IP, from.Port)
	check(t, err)
	check(t, own.Close())
	s.logs.wait(t, 4, fields{"message": "proxy left"})
	s.wantMetric(t, "sealpost_connections_closed_total", "proxy header", 0)

	waiting := s.fromProxy(t, s.addr, []byte("P"))
	after, err := s.handshake(t, s.fromProxy(t, s.addr, []byte("PROXY UNKNOWN\r\n"))) // accepted later
	check(t, err)
	after.login()
	ended, _ := s.shutdown(t)
	wantEnded(t, readEnd(waiting))
	for _, p := range []*peer{after, s.bystander} {
		p.wantClose(framing.CodeShuttingDown)
		check(t, p.conn.Close())
	}
	check(t, receive(t, ended, "Shutdown"))
	s.logs.wait(t, 1, fields{"message": "connection closed", "reason": "shutting down",
		"remote": waiting.LocalAddr().String()})
}
