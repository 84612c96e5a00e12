package faults

import (
	"crypto"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"sealpost/integration/faults/ledger"
	"sealpost/services/client/courier"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/framing"
)

// impostor is a server of the attacker's own, which speaks the wire and says
// what it likes.
type impostor struct {
	config  *tls.Config
	welcome framing.Welcome
	// say answers an offer; body is the message as it came.
	say   func(token string, o framing.Offer, body []byte) []byte
	heard atomic.Int32 // senders who told it their token
}

// serve takes one connection to the end of one message.
func (p *impostor) serve(raw *net.TCPConn) {
	defer raw.Close()
	conn := tls.Server(raw, p.config)
	defer conn.Close()
	in := framing.NewReader(conn)
	rec, err := in.Next()
	if err != nil || rec.Type != framing.TypeHello {
		return
	}
	p.heard.Add(1)
	token := string(rec.Payload)
	if _, err := conn.Write(framing.AppendWelcome(nil, p.welcome)); err != nil {
		return
	}
	offer, body, err := readMessage(in)
	if err != nil {
		return
	}
	_, _ = conn.Write(p.say(token, offer, body)) // the client may have left
	_ = conn.CloseWrite()
	_, _ = io.Copy(io.Discard, raw)
}

// readMessage reads an offer and its body.
func readMessage(in *framing.Reader) (o framing.Offer, body []byte, err error) {
	for {
		rec, err := in.Next()
		if err != nil {
			return o, nil, err
		}
		switch rec.Type {
		case framing.TypeOffer:
			if o, err = framing.ParseOffer(rec.Payload); err != nil {
				return o, nil, err
			}
		case framing.TypeData:
			body = append(body, rec.Payload...)
		default:
			return o, body, nil
		}
	}
}

// stage shows a client the impostor first, and then the server.
func (p *impostor) stage(t *testing.T, after func(i *interceptor, client *net.TCPConn)) *interceptor {
	t.Helper()
	return p.comeAs(t, 0, func(i *interceptor, _ int, client *net.TCPConn) { after(i, client) })
}

// comeAs has the impostor take connection number own, and others the rest.
func (p *impostor) comeAs(t *testing.T, own int, others func(i *interceptor, n int, client *net.TCPConn)) *interceptor {
	t.Helper()
	return intercept(t, func(i *interceptor, n int, client *net.TCPConn) {
		if n == own {
			p.serve(client)
			return
		}
		others(i, n, client)
	})
}

// key returns the server's own identity, which no attacker has.
func (s *server) key() *identity.Identity {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.state, "identity.pem"))
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := identity.ParsePEM(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func certificate(t *testing.T, id *identity.Identity) tls.Certificate {
	t.Helper()
	c, err := id.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// masks are the ways in which an impostor may show itself. The last two are for
// another service that has the server's key.
func masks(t *testing.T, s *server) map[string]*tls.Config {
	t.Helper()
	stranger, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	own, genuine := certificate(t, stranger), certificate(t, s.key())
	behind := own
	behind.Certificate = append(slices.Clone(own.Certificate), genuine.Certificate...)
	keyless := genuine
	keyless.PrivateKey = own.PrivateKey.(crypto.Signer)
	old := &tls.Config{Certificates: []tls.Certificate{genuine}, NextProtos: []string{identity.ALPN},
		MaxVersion: tls.VersionTLS12}
	other := &tls.Config{Certificates: []tls.Certificate{genuine}}
	return map[string]*tls.Config{
		"its own identity":                       identity.ServerTLSWith(own),
		"the real certificate behind its own":    identity.ServerTLSWith(behind),
		"the real certificate without its key":   identity.ServerTLSWith(keyless),
		"the real identity in TLS 1.2":           old,
		"the real identity for another protocol": other,
	}
}

// TestImpostor: a server that is not the pinned one, or does not prove it in
// TLS 1.3 for this very protocol, hears no token, and nothing that it says of a
// message counts.
func TestImpostor(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start()
	s.await(ready)
	v := newVictim(s, "store-17", ledger.New())
	genuine := v.write()
	c := v.courier(s.listen)
	logbook, err := c.Logbook(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := genuine.send(c); err != nil {
		t.Fatal(err)
	}
	receipts := genuine.receipt()
	answers := map[string]func(string, framing.Offer, []byte) []byte{
		"receipt": func(_ string, o framing.Offer, _ []byte) []byte {
			return framing.AppendReceipt(nil, framing.Receipt{Ref: o.Ref, Text: receipts})
		},
		"refusal": func(_ string, o framing.Offer, _ []byte) []byte {
			return framing.AppendRefusal(nil, framing.Refusal{Ref: o.Ref, Code: framing.CodeIDConflict, Reason: "no"})
		},
	}
	for mask, config := range masks(t, s) {
		for answer, say := range answers {
			t.Run(mask+", "+answer, func(t *testing.T) {
				p := &impostor{config: config, say: say, welcome: framing.Welcome{
					MaxMessage: 1 << 30, Window: framing.InitialWindow, MaxInFlight: 8, LogbookID: logbook,
				}}
				p.deceive(t, v)
			})
		}
	}
	t.Run("the client's program", func(t *testing.T) { programDeceived(t, v) })
	s.stop()
	results.report(t, "11 attack: impostor", s.audit(v.ledger))
}

// programDeceived shows the client's program an impostor and then the server.
func programDeceived(t *testing.T, v *victim) {
	p := &impostor{config: masks(t, v.s)["its own identity"]}
	i := p.stage(t, func(i *interceptor, client *net.TCPConn) { i.pass(client, v.s.listen, io.Discard, io.Discard) })
	l := v.write()
	for _, want := range []int{3, 0} {
		cmd := exec.CommandContext(patient(t), filepath.Join(programs, "client"), "-outbox", l.dir)
		cmd.Env = append(append(os.Environ(), "CLIENT_SERVER="+i.addr()), v.from.env...)
		out, _ := cmd.CombinedOutput() // its exit status says it
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("exit status %d, want %d\n%s", got, want, out)
		}
		err := l.account()
		if want != 0 {
			err = l.untouched("")
		}
		if err != nil {
			t.Error(err)
		}
	}
	if n := p.heard.Load(); n != 0 {
		t.Errorf("%d tokens were told", n)
	}
}

// deceive shows itself to a client at first, and to another one when the server
// has taken its log-in and its line was cut before it could say what it has.
func (p *impostor) deceive(t *testing.T, v *victim) {
	p.deceiveAt(t, v, 0, 0)
	p.deceiveAt(t, v, 1, record(t, v).up.Len()-2*farewell)
}

// deceiveAt shows itself on connection number own; the first passes some bytes.
// A client that gives up says that this is not its server, and its message is
// where it was.
func (p *impostor) deceiveAt(t *testing.T, v *victim, own, some int) {
	i := p.comeAs(t, own, func(i *interceptor, n int, client *net.TCPConn) {
		if n < own {
			i.passSome(client, v.s.listen, some)
			return
		}
		i.pass(client, v.s.listen, io.Discard, io.Discard)
	})
	l := v.write()
	err := l.send(v.courier(i.addr()))
	if err != nil {
		var refusal *courier.RefusalError
		if !errors.As(err, &refusal) || refusal.Of != courier.OfConnection || refusal.Code != 0 {
			t.Error(err)
		}
		if err := l.untouched(""); err != nil {
			t.Error(err)
		}
		if err := l.send(v.courier(v.s.listen)); err != nil {
			t.Error(err)
		}
	}
	if n := p.heard.Load(); n != 0 {
		t.Errorf("%d tokens were told", n)
	}
}
