package settings

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	var c struct {
		To Addresses `port:"21"`
	}
	for text, want := range map[string]string{
		"": "", "a": "a:21", "a:7,b": "a:7,b:21", "::1,[::1]:7,[fe80::1%eth0],b:7": "[::1]:21,[::1]:7,[fe80::1%eth0]:21,b:7",
	} {
		clean(t, "TEST_TO="+text)
		if _, err := Load("TEST", &c); err != nil || string(c.To) != want {
			t.Errorf("%q is read as %q, %v", text, c.To, err)
		}
		var joined []string
		for _, one := range c.To.List() {
			joined = append(joined, string(one))
		}
		if strings.Join(joined, ",") != want {
			t.Errorf("%q is listed as %q", text, joined)
		}
	}
}

func TestNoAddresses(t *testing.T) {
	var c struct {
		To Addresses `port:"21"`
	}
	const form = "an address such as localhost:7513, [::1]:7513 or :7513: "
	const list = "must be a list of addresses with commas between them, and number "
	for text, want := range map[string]string{
		"a,":                           list + "2 " + form + "it is empty",
		",a":                           list + "1 " + form + "it is empty",
		"a, b":                         list + "2 " + form + "it begins with a blank",
		"a,::1:80":                     list + "2 " + form + "put the IPv6 address in brackets",
		"a,b:http":                     list + "2 " + form + "its port must be a number",
		"ftp://a":                      "must be " + form + "leave \"ftp://\" out",
		strings.Repeat("a,", 16) + "a": "must be at most 16 addresses",
	} {
		clean(t, "TEST_TO="+text)
		_, err := Load("TEST", &c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
