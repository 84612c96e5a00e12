package settings

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Address is HOST:PORT with a numeric port; the host may be missing. Where the
// field's tag "port" has a port the address may do without. Empty means "none";
// where that has no sense the field is required.
type Address string

// addressError says what an address looks like, and why this is none.
type addressError struct{ why string }

func (e *addressError) Error() string {
	const form = "an address such as localhost:7513, [::1]:7513 or :7513"
	if e.why == "" {
		return form
	}
	return form + ": " + e.why
}

// UnmarshalText reads an address. One without a port gets it from Load.
func (a *Address) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = ""
		return nil
	}
	host, port, err := splitAddress(string(text))
	if err != nil {
		return err
	}
	*a = Address(net.JoinHostPort(host, port))
	return nil
}

// splitAddress returns an empty port where there is none.
func splitAddress(text string) (host, port string, err error) {
	if what := stray(text, formWord); what != "" {
		return "", "", &addressError{"it " + what}
	}
	if scheme, _, found := strings.Cut(text, "://"); found {
		return "", "", &addressError{"leave \"" + scheme + "://\" out"}
	}
	if strings.ContainsAny(text, "/?#@,;") {
		return "", "", &addressError{"it has a character that belongs to no host"}
	}
	if host, ok := withoutPort(text); ok {
		return host, "", nil
	}
	if host, port, err = net.SplitHostPort(text); err != nil {
		return "", "", ambiguous(text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", "", &addressError{"its port must be a number up to 65535"}
	}
	if (text[0] == '[' || strings.Contains(host, ":")) && !isIPv6(host) || strings.ContainsAny(host, "[]") {
		return "", "", &addressError{}
	}
	return host, port, nil
}

// withoutPort returns the host of an address that is nothing but a host: a name
// or a number with dots in it, or an IPv6 address, bare or in brackets.
func withoutPort(text string) (host string, ok bool) {
	if inner, found := strings.CutPrefix(text, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		return inner, found && isIPv6(inner)
	}
	if strings.Contains(text, ":") {
		return text, isIPv6(text) && !endsInPort(text)
	}
	_, err := strconv.ParseUint(text, 10, 64)
	return text, err != nil && !strings.ContainsAny(text, "[]")
}

// endsInPort reports whether an IPv6 address may be one with a port behind it,
// whose brackets were forgotten.
func endsInPort(text string) bool {
	colon := strings.LastIndexByte(text, ':')
	_, err := strconv.ParseUint(text[colon+1:], 10, 16)
	return err == nil && isIPv6(text[:colon])
}

// ambiguous says why a text is not an address.
func ambiguous(text string) error {
	switch _, err := strconv.ParseUint(text, 10, 64); {
	case err == nil:
		return &addressError{"a port alone is written :" + text}
	case isIPv6(text):
		return &addressError{"put the IPv6 address in brackets, and the port behind them"}
	}
	return &addressError{}
}

func isIPv6(text string) bool {
	ip, err := netip.ParseAddr(text)
	return err == nil && ip.Is6()
}

// complete gives an address without a port the usual one of its field.
func (f field) complete() error {
	if t := f.value.Type(); t != addressType && t != addressesType {
		return nil
	}
	list := strings.Split(f.value.String(), ",")
	for i, text := range list {
		if !strings.HasSuffix(text, ":") {
			continue
		}
		port := f.tag.Get("port")
		if port == "" {
			return &addressError{"it has no port"}
		}
		list[i] = text + port
	}
	f.value.SetString(strings.Join(list, ","))
	return nil
}
