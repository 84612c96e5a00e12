package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/framing"
)

// receiptSize is that of the receipts in a logbook of some thousand messages.
const receiptSize = 1500

// wireConfig has the server's private key, made for this run alone, and the
// directory to keep messages in; without one it keeps none.
type wireConfig struct{ Key, Dir string }

// playWireServer speaks the sealpost wire and answers every END with as many
// bytes as a receipt has. What it reaches is a bound for any server on this
// machine: without a directory, before a byte is written to a disk; with one,
// before anything is checked, numbered, recorded, proved, signed or logged.
func playWireServer(ctx context.Context, c *conversation) error {
	var config wireConfig
	if err := c.hear(&config); err != nil {
		return err
	}
	ln, settings, err := listenAs(ctx, config.Key)
	if err != nil {
		return err
	}
	keep := answerNow
	if config.Dir != "" {
		if keep, err = newKeeper(ctx, config.Dir); err != nil {
			return err
		}
	}
	go func() {
		for {
			raw, err := ln.Accept()
			if err != nil {
				return // closed: the run is over
			}
			go answerAll(tls.Server(raw, settings), keep)
		}
	}()
	if err := c.tell(bareAddress{ln.Addr().String()}); err != nil {
		return err
	}
	var end struct{}
	err = c.hear(&end)
	_ = ln.Close()
	return err
}

// wireMessage is one that is complete.
type wireMessage struct {
	conn *tls.Conn
	ref  uint32
	body []byte
}

// answer appends the answer to m.
func (m wireMessage) answer(dst []byte) []byte {
	return framing.AppendReceipt(dst, framing.Receipt{Ref: m.ref, Text: receiptText})
}

var receiptText = content(receiptSize)

// answerNow keeps nothing.
func answerNow(m wireMessage) error {
	_, err := m.conn.Write(m.answer(nil))
	return err
}

// answerAll serves one connection to its end.
func answerAll(conn *tls.Conn, keep func(wireMessage) error) {
	defer func() { _ = conn.Close() }()
	in := framing.NewReader(conn)
	ref := uint32(0)
	var body []byte
	for {
		rec, err := in.Next()
		if err != nil {
			return
		}
		switch rec.Type {
		case framing.TypeHello:
			out := framing.AppendWelcome(nil, framing.Welcome{Window: framing.InitialWindow, MaxInFlight: 256, LogbookID: "wire"})
			_, err = conn.Write(out)
		case framing.TypeData:
			body = append(body, rec.Payload...)
		case framing.TypeEnd:
			err = keep(wireMessage{conn, ref, body})
			ref++
			body = nil
		}
		if err != nil {
			return
		}
	}
}

// runWire measures the wire alone, and with it what the floor leaves: a machine
// that does both for every message cannot do more of them than its processors
// have time for.
func runWire(ctx context.Context, b *bench) error {
	return eachShape(smallShapes, func(s shape) error { return b.measureWire(ctx, s) })
}

func (b *bench) measureWire(ctx context.Context, s shape) error {
	table := newTable(fmt.Sprintf("wire: %d messages of %d bytes, %s, answered and not kept", b.messages, smallSize, s),
		"round", "msg/s", "CPU us each, both sides", "floor CPU us each", "most msg/s for both", "of the floor")
	var rates, floors []float64
	var shares ratios
	for round := range b.rounds {
		alone, err := b.wireRun(ctx, s, "")
		if err != nil {
			return err
		}
		before, err := cpuOf(os.Getpid())
		if err != nil {
			return err
		}
		floor, err := b.floorRun(ctx, "wire-floor", allThenSync, b.messages, logFile(content(smallSize)))
		if err != nil {
			return err
		}
		after, err := cpuOf(os.Getpid())
		if err != nil {
			return err
		}
		wire, disk := (alone.CPU + alone.serverCPU).Seconds(), (after - before).Seconds()
		most := float64(runtime.NumCPU()) * float64(b.messages) / (wire + disk)
		share := most / floor.rate()
		rates, floors, shares = append(rates, most), append(floors, floor.rate()), append(shares, share)
		each := 1e6 / float64(b.messages)
		table.row(round+1, alone.rate(), wire*each, disk*each, most, share)
	}
	table.print(b.out)
	b.summary.add(figure{name: "wire: the most that the processors allow, " + s.String(), unit: "msg/s",
		ours: median(rates), floor: median(floors), ratios: shares, required: asMeasured})
	return nil
}

// wireRun sends to a server that keeps nothing, or what it is sent in dir. CPU
// is the load's.
func (b *bench) wireRun(ctx context.Context, s shape, dir string) (result run, err error) {
	id, err := identity.Generate()
	if err != nil {
		return run{}, err
	}
	var at bareAddress
	server, err := start(ctx, "wire-server", wireConfig{string(id.PEM()), dir}, &at)
	if err != nil {
		return run{}, err
	}
	defer func() { err = errors.Join(err, server.end()) }()
	pin := identity.Pin{Origin: "wire", Key: id.Public()}
	config := loadConfig{Server: at.Address, Access: access{Identity: pin.String(), Tokens: b.access.Tokens}, Connections: s.senders}
	load, err := start(ctx, "unchecked-load", config, &struct{}{})
	if err != nil {
		return run{}, err
	}
	defer func() { err = errors.Join(err, load.end()) }()
	before, err := bothCPU(server, load)
	if err != nil {
		return run{}, err
	}
	result = run{messages: b.messages}
	o := order{Messages: b.messages, Senders: s.senders, InFlight: s.inFlight, Size: smallSize}
	if err := load.order(o, &result.outcome); err != nil {
		return run{}, err
	}
	after, err := bothCPU(server, load)
	result.serverCPU, result.CPU = after[0]-before[0], after[1]-before[1]
	return result, err
}

func bothCPU(server, load *child) (both [2]time.Duration, err error) {
	if both[0], err = server.cpu(); err != nil {
		return both, err
	}
	both[1], err = load.cpu()
	return both, err
}
