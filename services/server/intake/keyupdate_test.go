package intake_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"sealpost/services/server/intake"
	"sealpost/shared/deadline/deadlinetest"
	"sealpost/shared/framing"
)

// quietListener hands out its connections, whose quiet times pass at a word.
type quietListener struct {
	net.Listener
	accepted chan *deadlinetest.Quiet
}

func (l quietListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	quiet := &deadlinetest.Quiet{Conn: conn}
	select {
	case l.accepted <- quiet:
	default: // the test looks at the first alone
	}
	return quiet, nil
}

// keyed is a peer that can send KeyUpdate.
type keyed struct {
	*peer
	out *deadlinetest.Sealer
}

// connectKeyed logs in; what it sends from then on it seals by itself.
func (s *server) connectKeyed(t testing.TB, raw net.Conn) *keyed {
	t.Helper()
	config := s.pins(t).ClientTLS()
	secrets := new(deadlinetest.Secrets)
	config.KeyLogWriter = secrets
	p := &peer{t: t, s: s, raw: raw, conn: tls.Client(raw, config)}
	p.in = framing.NewReader(p.conn)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	check(t, p.conn.HandshakeContext(ctx))
	p.login()
	out, err := deadlinetest.Take(p.conn, secrets, deadlinetest.Client, 1) // HELLO
	check(t, err)
	return &keyed{p, out}
}

// A peer that asks for new keys after a quiet time, longer than an answer may
// take, goes on.
func TestKeyUpdateAfterAQuietTime(t *testing.T) {
	t.Parallel()
	accepted := make(chan *deadlinetest.Quiet, 2)
	s := start(t, options{alone: true, listen: func(ln net.Listener) net.Listener { return quietListener{ln, accepted} }})
	p := s.connectKeyed(t, s.dialRaw(t, s.addr, ""))
	conn := receive(t, accepted, "the connection")
	for range 3 {
		check(t, conn.Pass())
		check(t, p.out.UpdateKey())
		check(t, p.out.Send(p.whole(plain("a.txt", []byte("after the quiet time")))))
		p.want(framing.TypeReceipt)
	}
}

// A peer that asks for new keys without end and takes no answer is cut off as one
// that takes no other answer is.
func TestKeyUpdatesOfTheDeaf(t *testing.T) {
	t.Parallel()
	s := start(t, options{limits: intake.Limits{Write: 2 * time.Second}, listen: smallBuffers})
	p := s.connectKeyed(t, s.dialDeaf(t))
	err := p.out.Send(p.offer(plain("a.txt", make([]byte, framing.InitialWindow))))
	for err == nil {
		check(t, p.raw.SetWriteDeadline(time.Now().Add(patience)))
		if err = p.out.UpdateKey(); err == nil {
			err = p.out.Send(framing.Append(nil, framing.TypeData, []byte("x")))
		}
	}
	wantEnded(t, err)
	s.goesOn(t)
}
