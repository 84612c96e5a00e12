package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"sealpost/shared/nettest"

	"golang.org/x/net/dns/dnsmessage"
)

func servers(addresses ...string) (list []Server) {
	for _, a := range addresses {
		list = append(list, Server{Address: a})
	}
	return list
}

// connects tries nothing but the connection.
var connects = Attempt[net.Conn]{
	Open: func(ctx context.Context, t Target) (net.Conn, error) { return t.Connect(ctx) },
	Drop: func(c net.Conn) { _ = c.Close() },
}

// first returns the address that got through, and those that had failed.
func first(t *testing.T, a Attempt[net.Conn], addresses ...string) (at string, failed []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // for what never ends
	defer cancel()
	conn, passed, err := First(ctx, servers(addresses...), a)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, f := range passed {
		failed = append(failed, f.Address)
	}
	return conn.RemoteAddr().String(), failed
}

func TestFirst(t *testing.T) {
	a, b, none := nettest.Listen(t).Addr().String(), nettest.Listen(t).Addr().String(), nettest.Nobody(t)
	for _, test := range []struct {
		name, after string
		addresses   []string
		want        string
		failed      []string
	}{
		{"in order", "", []string{a, b}, a, nil},
		{"past one that refuses", "", []string{none, b, a}, b, []string{none}},
		{"behind the one that failed", a, []string{a, none, b}, b, []string{none}},
		{"from there on", none, []string{a, none, b}, b, nil},
		{"and then from the first", b, []string{a, none, b}, a, nil},
		{"the one that failed last of all", a, []string{a, none}, a, []string{none}},
		{"past one without a form", "", []string{"no port", b}, b, []string{"no port"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			attempt := connects
			if rank := slices.Index(test.addresses, test.after); rank >= 0 {
				attempt.After = Target{Rank: rank, At: test.after}
			}
			at, failed := first(t, attempt, test.addresses...)
			if at != test.want || !slices.Equal(failed, test.failed) {
				t.Errorf("%s after %q, want %s after %q", at, failed, test.want, test.failed)
			}
		})
	}
}

func TestNone(t *testing.T) {
	one, other := nettest.Nobody(t), nettest.Nobody(t)
	_, _, err := First(t.Context(), servers(one, other), connects)
	var all *Error
	if !errors.As(err, &all) || len(all.Failures) != 2 || all.Failures[1].Rank != 1 ||
		!strings.Contains(err.Error(), one+": ") || !strings.Contains(err.Error(), other+": ") {
		t.Errorf("got %v", err)
	}
}

// One that is silent holds up no other, and is given up once another got through.
func TestSilent(t *testing.T) {
	silent, good := nettest.Listen(t).Addr().String(), nettest.Listen(t).Addr().String()
	ended := false // First returns after each attempt
	attempt := connects
	attempt.Open = func(ctx context.Context, t Target) (net.Conn, error) {
		if t.At == silent {
			<-ctx.Done()
			ended = true
			return nil, ctx.Err()
		}
		return t.Connect(ctx)
	}
	if at, _ := first(t, attempt, silent, good); at != good || !ended {
		t.Errorf("%s, and the silent one ended: %v", at, ended)
	}
}

// What gets through when another one was taken is dropped.
func TestTooLate(t *testing.T) {
	late, early := nettest.Listen(t).Addr().String(), nettest.Listen(t).Addr().String()
	var dropped string // First returns after each attempt
	attempt := connects
	attempt.Open = func(ctx context.Context, t Target) (net.Conn, error) {
		if t.At == late {
			<-ctx.Done() // the early one is taken
			ctx = context.WithoutCancel(ctx)
		}
		return t.Connect(ctx)
	}
	attempt.Drop = func(c net.Conn) {
		dropped = c.RemoteAddr().String()
		_ = c.Close()
	}
	if at, _ := first(t, attempt, late, early); at != early {
		t.Errorf("got %s", at)
	}
	if dropped != late {
		t.Errorf("dropped %q", dropped)
	}
}

// All addresses of a name are tried, where it stands in the list.
func TestName(t *testing.T) {
	good := nettest.Listen(t).Addr().String()
	_, port, err := net.SplitHostPort(good)
	if err != nil {
		t.Fatal(err)
	}
	useNames(t, map[string][][4]byte{
		"both.test.": {{127, 0, 0, 2}, {127, 0, 0, 1}}, // nobody listens at the first
	})
	at, failed := first(t, connects, "gone.test:"+port, "both.test:"+port, nettest.Listen(t).Addr().String())
	if at != good || len(failed) < 1 || failed[0] != "gone.test:"+port {
		t.Errorf("%s after %q", at, failed)
	}
}

// Of a name, too, those behind the one that failed come first, however they are listed.
func TestNameAgain(t *testing.T) {
	useNames(t, map[string][][4]byte{"three.test.": {{127, 0, 0, 1}, {127, 0, 0, 3}, {127, 0, 0, 2}}})
	var tried []string
	attempt := connects
	attempt.After = Target{At: "127.0.0.1:1"}
	attempt.Open = func(_ context.Context, t Target) (net.Conn, error) {
		tried = append(tried, t.At)
		return nil, io.ErrUnexpectedEOF
	}
	_, _, err := First(t.Context(), servers("three.test:1"), attempt)
	if want := []string{"127.0.0.2:1", "127.0.0.3:1", "127.0.0.1:1"}; !slices.Equal(tried, want) {
		t.Errorf("%v, tried %q, want %q", err, tried, want)
	}
}

// useNames has names looked up at a name server of this process.
func useNames(t *testing.T, names map[string][][4]byte) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- serveNames(conn, names) }()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = conn.Close()
		if err := <-served; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func serveNames(conn net.PacketConn, names map[string][][4]byte) error {
	buf := make([]byte, 1<<10)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return err
		}
		var asked dnsmessage.Message
		if err := asked.Unpack(buf[:n]); err != nil || len(asked.Questions) == 0 {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		text, err := answer(asked, names)
		if err == nil {
			_, err = conn.WriteTo(text, from)
		}
		if err != nil {
			return err
		}
	}
}

func answer(asked dnsmessage.Message, names map[string][][4]byte) ([]byte, error) {
	q := asked.Questions[0]
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: asked.ID, Response: true}, Questions: asked.Questions}
	known, ok := names[q.Name.String()]
	if !ok {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, ip := range known {
		if q.Type == dnsmessage.TypeA {
			header := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 60}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip}})
		}
	}
	return m.Pack()
}
