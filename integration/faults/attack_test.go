package faults

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/integration/faults/ledger"
)

// tape is what went over one connection.
type tape struct {
	up, down bytes.Buffer
	ended    chan struct{}
}

// record sends letters until one took a single connection, and returns that.
func record(t *testing.T, v *victim) *tape {
	t.Helper()
	for range attempts {
		if recorded := tryRecord(t, v); recorded != nil {
			return recorded
		}
	}
	t.Fatal("no letter is sent over a single connection")
	return nil
}

func tryRecord(t *testing.T, v *victim) *tape {
	t.Helper()
	var more atomic.Bool
	recorded := &tape{ended: make(chan struct{})}
	i := intercept(t, func(i *interceptor, n int, client *net.TCPConn) {
		if n > 0 {
			more.Store(true)
			i.pass(client, v.s.listen, io.Discard, io.Discard)
			return
		}
		defer close(recorded.ended)
		i.pass(client, v.s.listen, &recorded.up, &recorded.down)
	})
	if err := v.write().send(v.courier(i.addr())); err != nil {
		t.Fatal(err)
	}
	select {
	case <-recorded.ended:
	case <-patient(t).Done():
		t.Fatal("the connection does not end")
	}
	if more.Load() {
		return nil
	}
	return recorded
}

// places are offsets of n bytes: each in the full form, else so many of them.
func places(n, sample int, random *rand.Rand) []int {
	if *full {
		return random.Perm(n)
	}
	var some []int
	for i := range sample {
		some = append(some, i*n/sample+random.IntN(max(1, n/sample)))
	}
	return some
}

// TestReplayed: whoever recorded a connection can play either side of it, as
// often as he likes, whole, in part, and twice over: to the server, that makes no
// second log file, and to a client, no receipt.
func TestReplayed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start()
	s.await(ready)
	v := newVictim(s, "store-17", ledger.New())
	random := rand.New(rand.NewPCG(*seed, 200))
	var tapes []*tape
	for range rounds(3, 10) {
		tapes = append(tapes, record(t, v))
	}
	kept := s.kept()
	var shows [][]byte
	for i, tp := range tapes {
		up := tp.up.Bytes()
		shows = append(shows, up, append(bytes.Clone(up), up...), append(bytes.Clone(up), tapes[0].up.Bytes()...))
		for _, at := range places(len(up), 8, random) {
			shows = append(shows, up[:at])
			if i > 0 {
				shows = append(shows, append(bytes.Clone(tapes[0].up.Bytes()[:at]), up[at:]...))
			}
		}
	}
	each(t, shows, s.hear)
	if now := s.kept(); now != kept {
		t.Errorf("%d messages were kept, and after the replays %d", kept, now)
	}
	each(t, tapes, func(tp *tape) error {
		i := intercept(t, func(i *interceptor, n int, client *net.TCPConn) {
			if n > 0 {
				i.pass(client, s.listen, io.Discard, io.Discard)
				return
			}
			play(client, tp.down.Bytes())
		})
		return v.write().send(v.courier(i.addr()))
	})
	s.stop()
	results.report(t, "11 attack: replayed", s.audit(v.ledger))
}

func (tp *tape) String() string { return fmt.Sprintf("%d and %d bytes", tp.up.Len(), tp.down.Len()) }

// hear says bytes to the server and waits until it ends the connection.
func (s *server) hear(said []byte) error {
	conn, err := net.Dial("tcp", s.listen)
	if err != nil {
		return err
	}
	play(conn.(*net.TCPConn), said)
	return nil
}

// play says bytes and reads on until the other side ends the connection.
func play(conn *net.TCPConn, said []byte) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = conn.Write(said) // the other side may end it first
	_ = conn.CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}

// spot is one byte of a connection, and what is done there.
type spot struct {
	kind kind
	up   bool
	at   int
	bit  byte
}

// TestEveryByte cuts connections at every place in either direction, and flips
// a bit there: the message is sent again, under its id, and there once.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	for i, k := range []kind{cut, flipped} {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			s := newServer(t, impatient...)
			s.start()
			s.await(ready)
			v := newVictim(s, "store-17", ledger.New())
			random := rand.New(rand.NewPCG(*seed, 201+uint64(i)))
			tp := record(t, v)
			var spots []spot
			for _, up := range []bool{true, false} {
				n := tp.down.Len()
				if up {
					n = tp.up.Len()
				}
				for _, at := range places(n-farewell, 30, random) {
					spots = append(spots, spot{k, up, at, 1 << random.IntN(8)})
				}
			}
			each(t, spots, v.strike)
			s.stop()
			results.report(t, "11 attack: every byte: "+string(k), s.audit(v.ledger))
		})
	}
}

// farewell is what each side says at the end, when the other may be gone: a
// close_notify in a TLS record.
const farewell = 5 + 2 + 1 + 16

// strike sends letters until the first connection of one was struck: where the
// machine is slow the server may give a connection up before it gets so far.
func (v *victim) strike(sp spot) error {
	for range attempts {
		struck, err := v.tryStrike(sp)
		if struck || err != nil {
			return err
		}
	}
	return errors.New("no connection has such a byte")
}

const attempts = 30

func (v *victim) tryStrike(sp spot) (struck bool, err error) {
	fault := &treatment{kind: sp.kind, up: sp.up, after: sp.at, bit: sp.bit}
	r := newRelay(v.t, v.s.listen, func(n int) *treatment {
		if n > 0 {
			return nil
		}
		return fault
	})
	defer r.close()
	err = v.write().send(v.courier(r.addr()))
	return fault.struck(), err
}
