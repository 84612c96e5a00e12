package daemon

import "testing"

func TestProxies(t *testing.T) {
	for _, test := range []struct {
		text string
		want string
		err  error
	}{
		{"", "", nil},
		{"192.0.2.10", "192.0.2.10", nil},
		{" 192.0.2.10 , 10.1.2.3/8,2001:db8::7,2001:db8::/64 ", "192.0.2.10,10.0.0.0/8,2001:db8::7,2001:db8::/64", nil},
		{"::ffff:192.0.2.10", "192.0.2.10", nil},
		{"haproxy", "", errProxies},
		{"192.0.2.10,", "", errProxies},
		{"192.0.2.10:7513", "", errProxies},
		{"10.0.0.0/33", "", errProxies},
		{"fe80::1%eth0", "", errProxies},
		{"::ffff:10.0.0.0/104", "", errProxies},
		{"0.0.0.0/0", "", errEveryone},
		{"::/0", "", errEveryone},
	} {
		var p Proxies
		if err := p.UnmarshalText([]byte(test.text)); err != test.err || p.String() != test.want {
			t.Errorf("%q is read as %q, %v", test.text, p, err)
		}
	}
}
