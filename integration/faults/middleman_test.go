package faults

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/integration/faults/ledger"
	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt/receipttest"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// receipt returns the receipt of a letter that was sent.
func (l *letter) receipt() []byte {
	l.v.t.Helper()
	path, err := l.receiptPath()
	if err != nil {
		l.v.t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		l.v.t.Fatal(err)
	}
	return text
}

// middleman holds a certificate that clients trust, as where TLS ends at a
// balancer, and so hears everything. What it has not is the server's identity:
// it can keep a message from the server, and a client must not believe it there.
type middleman struct {
	t       *testing.T
	s       *server
	logbook string
	other   sender // the middleman is a sender too
	theirs  []byte // a genuine receipt of another message
	trusted *tls.Config
	config  *tls.Config
	ledger  *ledger.Ledger
}

func newMiddleman(s *server, v *victim) *middleman {
	s.t.Helper()
	pair, ca := drivertest.Certificate(s.t)
	trusted, err := identity.ClientTLSWithCA(ca, "localhost")
	if err != nil {
		s.t.Fatal(err)
	}
	before := v.write()
	c := v.courier(s.listen)
	logbook, err := c.Logbook(patient(s.t))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := before.send(c); err != nil {
		s.t.Fatal(err)
	}
	return &middleman{
		t: s.t, s: s, logbook: logbook, other: s.addSender("desk-12"), theirs: before.receipt(),
		trusted: trusted, config: identity.ServerTLSWith(pair), ledger: v.ledger,
	}
}

// deliver has the server keep the message in the name of from, under id, and
// returns its receipt: genuine, and not what the client wants.
func (m *middleman) deliver(from sender, id message.ID, o framing.Offer, body []byte) []byte {
	c := from.courier(m.s.listen, defaultStall)
	defer c.Close()
	what := courier.Message{
		ID: id, Name: o.Name, Cipher: message.None, Size: o.Size, SHA256: o.SHA256,
		Open: func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(body)), nil },
	}
	m.ledger.Offer(from.known(what))
	d, err := c.Deliver(patient(m.t), what)
	if err != nil {
		m.t.Error(err)
		return nil
	}
	m.ledger.Receipt(d.Entry)
	return d.Receipt
}

// forged signs a tree of the middleman's own that holds just what was offered.
func (m *middleman) forged(tok string, o framing.Offer) []byte {
	id, err := identity.Generate()
	if err != nil {
		m.t.Error(err)
	}
	parsed, err := token.Parse(tok)
	if err != nil {
		m.t.Error(err)
	}
	line, err := logfile.Entry{
		V: 1, File: logfile.FileName(0), ID: o.ID, Sender: parsed.Sender(), Name: o.Name, Cipher: message.None,
		Size: o.Size, SHA256: o.SHA256, FileSHA256: sha256.Sum256(nil),
	}.Line()
	if err != nil {
		m.t.Error(err)
	}
	text, err := receipttest.Lines(id, m.logbook, [][]byte{line}, 0)
	if err != nil {
		m.t.Error(err)
	}
	return text
}

// grafted puts the line that the client wants before a genuine proof.
func (m *middleman) grafted(tok string, o framing.Offer) []byte {
	_, rest, _ := bytes.Cut(m.theirs, []byte("\nindex "))
	head, _, _ := bytes.Cut(m.forged(tok, o), []byte("\nindex "))
	return bytes.Join([][]byte{head, rest}, []byte("\nindex "))
}

// lies are answers to an offer that the server never heard.
func (m *middleman) lies() map[string]func(tok string, o framing.Offer, body []byte) []byte {
	told := func(o framing.Offer, text []byte) []byte {
		return framing.AppendReceipt(nil, framing.Receipt{Ref: o.Ref, Text: text})
	}
	return map[string]func(string, framing.Offer, []byte) []byte{
		"another message": func(_ string, o framing.Offer, _ []byte) []byte { return told(o, m.theirs) },
		"the same under another sender": func(_ string, o framing.Offer, body []byte) []byte {
			return told(o, m.deliver(m.other, o.ID, o, body))
		},
		"the same under another id": func(tok string, o framing.Offer, body []byte) []byte {
			parsed, err := token.Parse(tok)
			if err != nil {
				m.t.Error(err)
			}
			stolen := m.other
			stolen.name, stolen.token = parsed.Sender(), parsed
			return told(o, m.deliver(stolen, message.NewID(), o, body))
		},
		"another identity": func(tok string, o framing.Offer, _ []byte) []byte { return told(o, m.forged(tok, o)) },
		"another proof":    func(tok string, o framing.Offer, _ []byte) []byte { return told(o, m.grafted(tok, o)) },
		"a cut receipt":    func(_ string, o framing.Offer, _ []byte) []byte { return told(o, m.theirs[:len(m.theirs)/2]) },
		"a cut record":     func(_ string, o framing.Offer, _ []byte) []byte { return told(o, m.theirs)[:200] },
		"no answer":        func(string, framing.Offer, []byte) []byte { return nil },
		"another offer's": func(_ string, o framing.Offer, _ []byte) []byte {
			return framing.AppendReceipt(nil, framing.Receipt{Ref: o.Ref + 1, Text: m.theirs})
		},
		"a refusal of another offer": func(_ string, o framing.Offer, _ []byte) []byte {
			return framing.AppendRefusal(nil, framing.Refusal{Ref: o.Ref + 1, Code: framing.CodeTooLarge})
		},
		"a refusal for now": func(_ string, o framing.Offer, _ []byte) []byte {
			return framing.AppendRefusal(nil, framing.Refusal{Ref: o.Ref, Code: framing.CodeUnavailable})
		},
	}
}

// TestMiddleman: who holds the TLS session and not the identity can withhold a
// message. Whatever receipt he shows, the client sends again, and the message is
// there once in the end.
func TestMiddleman(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start()
	s.await(ready)
	v := newVictim(s, "store-17", ledger.New())
	m := newMiddleman(s, v)
	for name, say := range m.lies() {
		t.Run(name, func(t *testing.T) {
			p := &impostor{config: m.config, say: say, welcome: framing.Welcome{
				MaxMessage: 1 << 30, Window: framing.InitialWindow, MaxInFlight: 8, LogbookID: m.logbook,
			}}
			i := p.stage(t, m.passOn)
			if err := v.write().send(m.client(v, i.addr())); err != nil {
				t.Error(err)
			}
			if n := p.heard.Load(); n != 1 {
				t.Errorf("the lie was told to %d clients", n)
			}
		})
	}
	s.stop()
	results.report(t, "11 attack: middleman", s.audit(m.ledger))
}

// client is one that trusts the middleman's certificate.
func (m *middleman) client(v *victim, addr string) *courier.Courier {
	return courier.New(courier.Config{
		Servers: dial.One(addr, m.trusted), Token: v.from.token, Pins: v.from.pins, Stall: defaultStall, Log: zerolog.Nop(),
	})
}

// passOn carries what is inside TLS on to the server.
func (m *middleman) passOn(i *interceptor, raw *net.TCPConn) { m.carry(i, raw, io.Discard) }

// carry writes down what the client says, too.
func (m *middleman) carry(i *interceptor, raw *net.TCPConn, said io.Writer) {
	defer raw.Close()
	onward := i.dial(m.s.listen)
	if onward == nil {
		return
	}
	defer onward.Close()
	client, server := tls.Server(raw, m.config), tls.Client(onward, m.other.pins.ClientTLS())
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(io.MultiWriter(server, said), client); _ = server.CloseWrite() })
	both.Go(func() { _, _ = io.Copy(client, server); _ = client.CloseWrite(); _ = raw.CloseWrite() })
	both.Wait()
}

func (l *letter) String() string { return fmt.Sprintf("%s of %s", l.Name, l.v.from.name) }
