package courier

import (
	"cmp"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/dial"
	"sealpost/shared/deadline/deadlinetest"
	"sealpost/shared/framing"
	"sealpost/shared/nettest"
)

// keying is a server that asks for new keys, after a quiet time, before each answer.
type keying struct {
	conn    *tls.Conn
	in      *framing.Reader
	secrets *deadlinetest.Secrets
	quiet   *deadlinetest.Quiet // the client's end
	out     *deadlinetest.Sealer
}

// welcome takes a client in.
func (k *keying) welcome() error {
	if _, err := k.in.Next(); err != nil { // HELLO
		return err
	}
	_, err := k.conn.Write(framing.AppendWelcome(nil, framing.Welcome{
		MaxMessage: 1 << 20, Window: framing.InitialWindow, MaxInFlight: 1, LogbookID: checkedLogbook,
	}))
	if err == nil {
		k.out, err = deadlinetest.Take(k.conn, k.secrets, deadlinetest.Server, 1)
	}
	return err
}

// answer gives receipts for messages offers, whatever they are.
func (k *keying) answer(receipt []byte, messages uint32) error {
	for ref := range messages {
		for {
			rec, err := k.in.Next()
			if err != nil {
				return err
			}
			if rec.Type == framing.TypeEnd {
				break
			}
		}
		err := cmp.Or(k.quiet.Pass(), k.out.UpdateKey(),
			k.out.Send(framing.AppendReceipt(nil, framing.Receipt{Ref: ref, Text: receipt})))
		if err != nil {
			return err
		}
	}
	return nil
}

// A server that asks for new keys after a quiet time, longer than a write may
// take, is not cut off.
func TestKeyUpdateAfterAQuietTime(t *testing.T) {
	const messages = 3
	l, s := newLedger(t)
	config, err := l.id.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	secrets := new(deadlinetest.Secrets)
	config.KeyLogWriter = secrets
	quiet, there := connected(t)
	conn := tls.Server(there, config)
	server := &keying{conn: conn, in: framing.NewReader(conn), secrets: secrets, quiet: &deadlinetest.Quiet{Conn: quiet}}
	served := make(chan error, 1)
	go func() {
		served <- cmp.Or(server.welcome(), server.answer(l.receipt(), messages), conn.NetConn().Close())
	}()

	s.cfg.Log, s.cfg.Stall, s.cfg.Timeout = zerolog.Nop(), time.Minute, time.Minute
	c := New(s.cfg)
	defer c.Close()
	session, err := c.open(t.Context(), dial.Target{Server: dial.Server{TLS: s.cfg.Pins.ClientTLS()}}, server.quiet)
	if err == nil {
		err = c.start(session)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &progress{ctx: t.Context(), all: c.movements}
	for i := range messages {
		if _, err := session.deliver(p, l.message); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// connected returns both ends of a TCP connection.
func connected(t *testing.T) (here, there net.Conn) {
	t.Helper()
	ln := nettest.Listen(t)
	var err error
	if here, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if there, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = here.Close(), there.Close() })
	return here, there
}
