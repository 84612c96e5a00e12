package daemon

import (
	"errors"
	"net/netip"
	"strings"
)

// Proxies are the addresses of machines that may say, by the PROXY protocol, whom
// a connection is from.
type Proxies []netip.Prefix

var (
	errProxies  = errors.New("addresses or prefixes, comma-separated, such as 192.0.2.10,10.0.0.0/8,2001:db8::/64")
	errEveryone = errors.New("the proxies' own addresses: with /0 everybody could give themselves any address")
)

// UnmarshalText reads addresses and prefixes (CIDR, RFC 4632) with commas between them.
func (p *Proxies) UnmarshalText(text []byte) error {
	*p = nil
	if strings.TrimSpace(string(text)) == "" {
		return nil
	}
	var list Proxies
	for item := range strings.SplitSeq(string(text), ",") {
		prefix, err := parsePrefix(strings.TrimSpace(item))
		if err != nil {
			return err
		}
		list = append(list, prefix)
	}
	*p = list
	return nil
}

func parsePrefix(item string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(item); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(item)
	switch {
	case err != nil || prefix.Addr().Is4In6():
		return netip.Prefix{}, errProxies
	case prefix.Bits() == 0:
		return netip.Prefix{}, errEveryone
	}
	return prefix.Masked(), nil
}

// String returns the form that UnmarshalText reads.
func (p Proxies) String() string {
	items := make([]string, len(p))
	for i, prefix := range p {
		items[i] = prefix.String()
		if prefix.IsSingleIP() {
			items[i] = prefix.Addr().String()
		}
	}
	return strings.Join(items, ",")
}
