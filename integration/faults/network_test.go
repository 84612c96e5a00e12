package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// impatient makes the server give up bad connections soon. What counts is that
// it does, not when.
var impatient = []string{
	"SERVER_HANDSHAKE_TIMEOUT=1s", "SERVER_IDLE_TIMEOUT=1s", "SERVER_WRITE_TIMEOUT=1s",
	"SERVER_MIN_RATE=64KiB", "SERVER_RATE_GRACE=1s",
}

// TestNetwork mistreats connections in every way a network can, each kind by
// itself and all mixed, until as many as planned were harmed.
func TestNetwork(t *testing.T) {
	t.Parallel()
	for i, k := range kinds {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			underHarm(t, "06 network: "+string(k), uint64(i), k)
		})
	}
	t.Run("mixed", func(t *testing.T) {
		t.Parallel()
		underHarm(t, "06 network: mixed", uint64(len(kinds)), kinds...)
	})
}

func underHarm(t *testing.T, fault string, stream uint64, kinds ...kind) {
	s := newServer(t, impatient...)
	connections := rounds(6, 200)
	r := newRelay(t, s.listen, harm(connections, rand.New(rand.NewPCG(*seed, 100+stream)), kinds...))
	f := newFleet(s, r.addr(), 3, 500*time.Millisecond)
	s.start()
	s.await(ready)
	f.pickup = pickupFrom(s.data)
	stopPolling := f.poll(s.data)
	load := f.load(12)
	for i := range connections {
		if !r.harmed.reach(patient(t), i+1) {
			t.Fatalf("%d of %d connections were harmed, and no more are made", i, connections)
		}
	}
	load.finish()
	f.settle(s.data, stopPolling)
	s.awaitFew(len(f.couriers))
	s.stop()
	results.report(t, fault, s.audit(f.ledger))
}

// awaitFew waits until the server has no more connections than couriers: what
// the network forgot it must give up by itself.
func (s *server) awaitFew(most int) {
	s.t.Helper()
	s.until(func(ctx context.Context) (bool, string) {
		n, err := s.metric(ctx, "sealpost_connections")
		return err == nil && n <= float64(most), fmt.Sprintf("%v connections, %v", n, err)
	})
}

// metric returns the sum over all labels of a metric.
func (s *server) metric(ctx context.Context, name string) (sum float64, err error) {
	text, status, err := s.get(ctx, "/metrics")
	if err != nil || status != http.StatusOK {
		return 0, fmt.Errorf("metrics: status %d: %w", status, err)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		end := strings.LastIndexByte(line, ' ') // a label may hold one too
		if end < 0 {
			continue
		}
		series, value := line[:end], line[end+1:]
		if series != name && !strings.HasPrefix(series, name+"{") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}
