package courier

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/dial"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/receipt/receipttest"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

const (
	benchMessages = 4096
	benchInFlight = 256
)

// BenchmarkSmall delivers messages of 1 KiB to a server in this process that
// keeps nothing and answers at once. cpu-us/op is the processor's time for both
// sides: on few processors it says more than ns/op.
func BenchmarkSmall(b *testing.B) {
	for _, shape := range []struct{ connections, inFlight int }{{64, 1}, {64, 16}, {1, benchInFlight}} {
		b.Run(fmt.Sprintf("%d connections, %d in flight", shape.connections, shape.inFlight), func(b *testing.B) {
			benchmarkDelivery(b, newKept(b, 1<<10, shape.connections*shape.inFlight), shape.connections, shape.inFlight)
		})
	}
}

func benchmarkDelivery(b *testing.B, k *kept, connections, inFlight int) {
	cfg := Config{
		Servers: dial.One(k.serve(b), k.pins.ClientTLS()), Token: k.token, Pins: k.pins, Timeout: time.Minute,
		Receipts: receipt.NewVerifier(k.pins), Log: zerolog.Nop(),
	}
	couriers := make([]*Courier, connections)
	for i := range couriers {
		couriers[i] = New(cfg)
		defer couriers[i].Close()
		if _, err := couriers[i].Logbook(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	var taken atomic.Int64
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	for i := range connections * inFlight {
		all.Go(func() {
			for n := taken.Add(1); n <= int64(b.N); n = taken.Add(1) {
				if _, err := couriers[i%connections].Deliver(b.Context(), k.messages[n%benchMessages]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/1e3/float64(b.N), "cpu-us/op")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// kept is a logbook that has messages and their receipts before they are sent.
type kept struct {
	id       *identity.Identity
	pins     identity.Pins
	token    token.Token
	messages []Message
	receipts map[message.ID][]byte
}

// newKept keeps messages of size bytes; as many as commit share a signature, as
// those do that a server commits together.
func newKept(b *testing.B, size, commit int) *kept {
	b.Helper()
	l, s := newLedger(b)
	k := &kept{id: l.id, pins: s.cfg.Pins, token: s.cfg.Token, receipts: make(map[message.ID][]byte)}
	text := bytes.Repeat([]byte("m"), size)
	for range benchMessages {
		k.messages = append(k.messages, Message{
			ID: message.NewID(), Name: "message.bin", Cipher: message.None, Size: uint64(size), SHA256: sha256.Sum256(text),
			Open: func() (io.ReadSeekCloser, error) { return Unclosed(bytes.NewReader(text)), nil },
		})
	}
	var tree receipttest.Tree
	for i, m := range k.messages {
		entry := logfile.Entry{
			V: 1, Seq: uint64(i), File: logfile.FileName(uint64(i)), ID: m.ID, Sender: k.token.Sender(), Name: m.Name,
			Cipher: m.Cipher, ReceivedAt: time.Unix(1e9, 0), Size: m.Size, SHA256: m.SHA256,
		}
		line, err := entry.Line()
		if err == nil {
			err = tree.Append(line)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for i, m := range k.messages {
		text, err := tree.Receipt(k.id, checkedLogbook, uint64(i), uint64((i/commit+1)*commit))
		if err != nil {
			b.Fatal(err)
		}
		k.receipts[m.ID] = text
	}
	return k
}

// serve answers on loopback until the benchmark ends.
func (k *kept) serve(b *testing.B) (address string) {
	b.Helper()
	config, err := k.id.ServerTLS()
	if err != nil {
		b.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // closed: the benchmark is over
			}
			go k.answer(conn)
		}
	}()
	return ln.Addr().String()
}

// answer serves one connection to its end.
func (k *kept) answer(conn net.Conn) {
	defer conn.Close()
	answers := make(chan []byte, benchInFlight) // room for all: reading never waits for writing
	defer close(answers)
	go writeTogether(conn, answers)
	in := framing.NewReader(conn)
	var offer framing.Offer
	for {
		rec, err := in.Next()
		if err != nil {
			return
		}
		switch rec.Type {
		case framing.TypeHello:
			answers <- framing.AppendWelcome(nil, framing.Welcome{
				MaxMessage: 1 << 30, Window: framing.InitialWindow, MaxInFlight: benchInFlight, LogbookID: checkedLogbook,
			})
		case framing.TypeOffer:
			offer, _ = framing.ParseOffer(rec.Payload) // a wrong one has no receipt
		case framing.TypeEnd:
			answers <- framing.AppendReceipt(nil, framing.Receipt{Ref: offer.Ref, Text: k.receipts[offer.ID]})
		}
	}
}

// writeTogether sends what is there in one piece, as a server does that commits
// messages together.
func writeTogether(conn net.Conn, answers <-chan []byte) {
	for out := range answers {
		runtime.Gosched()
		for n := len(answers); n > 0; n-- {
			out = append(out, <-answers...)
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}
