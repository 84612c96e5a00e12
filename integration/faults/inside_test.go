package faults

import (
	"bytes"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"sealpost/integration/faults/ledger"
	"sealpost/shared/framing"
)

// TestReplayedInside: who holds the TLS session can say again all that a sender
// said, in sessions of his own, whole, cut between two records, and twice over.
// The message stays the one it was.
func TestReplayedInside(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start()
	s.await(ready)
	v := newVictim(s, "store-17", ledger.New())
	m := newMiddleman(s, v)
	var said bytes.Buffer
	ended := make(chan struct{})
	i := intercept(t, func(i *interceptor, n int, client *net.TCPConn) {
		if n > 0 {
			m.passOn(i, client)
			return
		}
		defer close(ended)
		m.carry(i, client, &said)
	})
	if err := v.write().send(m.client(v, i.addr())); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-patient(t).Done():
		t.Fatal("the connection does not end")
	}
	kept := s.kept()
	shows := [][]byte{said.Bytes(), said.Bytes(), append(bytes.Clone(said.Bytes()), again(said.Bytes())...)}
	for _, at := range places(said.Len(), 20, rand.New(rand.NewPCG(*seed, 204))) {
		shows = append(shows, said.Bytes()[:at], append(bytes.Clone(said.Bytes()[:at]), again(said.Bytes())...))
	}
	each(t, shows, m.sayAgain)
	if now := s.kept(); now != kept {
		t.Errorf("%d messages were kept, and after the replays %d", kept, now)
	}
	s.stop()
	results.report(t, "11 attack: replayed inside TLS", s.audit(v.ledger))
}

// again is what a sender said behind HELLO, with the next offer's number.
func again(said []byte) []byte {
	var out []byte
	in := framing.NewReader(bytes.NewReader(said))
	for {
		rec, err := in.Next()
		if err != nil {
			return out
		}
		payload := bytes.Clone(rec.Payload)
		switch rec.Type {
		case framing.TypeHello:
			continue
		case framing.TypeOffer:
			payload[3]++ // the low byte of its number
		}
		out = framing.Append(out, rec.Type, payload)
	}
}

// sayAgain opens a session and says what a sender said in another.
func (m *middleman) sayAgain(said []byte) error {
	conn, err := tls.Dial("tcp", m.s.listen, m.other.pins.ClientTLS())
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = conn.Write(said) // the server may end it first
	_ = conn.CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
	return nil
}
