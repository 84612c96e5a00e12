package stream_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
)

// TestStream runs all that needs nodes on one cluster, since it takes seconds to start.
// Each test has a stream of its own and leaves the nodes running.
func TestStream(t *testing.T) {
	c := natstest.Start(t, natstest.Options{})
	for _, test := range []struct {
		name string
		run  func(*testing.T, *natstest.Cluster)
	}{
		{"ReadBack", testReadBack},
		{"TooLarge", testTooLarge},
		{"Full", testFull},
		{"Trimmed", testTrimmed},
		{"TrimmedWhileWaiting", testTrimmedWhileWaiting},
		{"Purge", testPurge},
		{"StepDown", testStepDown},
		{"Settings", testSettings},
		{"Check", testCheck},
		{"CheckNodes", testCheckNodes},
		{"Register", testRegister},
		{"RegisterKeepsTheNewest", testRegisterKeepsTheNewest},
		{"OpenRegister", testOpenRegister},
		{"RegisterUnderFaults", testRegisterUnderFaults},
		{"CheckWithoutNode", testCheckWithoutNode},
		{"Connect", testConnect},
		{"Close", testClose},
		{"VisitFails", testVisitFails},
		{"Gap", testGap},
		{"DamagedLeader", testDamagedLeader},
		{"LeaderKilled", testLeaderKilled},
		{"NodePaused", testNodePaused},
		{"AllKilled", testAllKilled},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.In(t)
			test.run(t, c)
		})
	}
}

func testReadBack(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "READBACK", stream.Settings{MaxBytes: 64 << 20})
	before := time.Now().Add(-time.Minute)
	at := publish(t, s, 0, 1000)
	if sorted := slices.Sorted(slices.Values(at)); sorted[0] != 1 || sorted[999] != 1000 ||
		len(slices.Compact(sorted)) != 1000 {
		t.Errorf("positions %v", sorted)
	}
	got := read(t, s, 0, 1000)
	for i, e := range got {
		if e.Position != uint64(i+1) || e.Time.Before(before) || e.Time.After(time.Now().Add(time.Minute)) {
			t.Fatalf("entry %d is at %d, of %v", i, e.Position, e.Time)
		}
	}
	for i, position := range at {
		e := got[position-1]
		if string(e.Data) != body(i) || !slices.Equal(e.Header["Number"], header(i)["Number"]) {
			t.Fatalf("at %d: %q %q, want number %d", position, e.Header, e.Data, i)
		}
	}
	if rest := read(t, s, 700, 300); !slices.EqualFunc(rest, got[700:], same) {
		t.Error("behind 700 it reads something else")
	}
	if e, err := s.Get(t.Context(), 701); err != nil || !same(e, got[700]) {
		t.Errorf("Get: %+v %v, want %+v", e, err, got[700])
	}
	if _, err := s.Get(t.Context(), 1001); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("Get beyond the last: %v", err)
	}
	info, err := s.Info(t.Context())
	if err != nil || info.First != 1 || info.Last != 1000 || info.Entries != 1000 || info.Deleted != 0 ||
		info.MaxBytes != 64<<20 || info.Bytes < 1000 || len(info.Peers) != 2 ||
		info.Leader != c.Leader("READBACK").Name {
		t.Errorf("%+v %v", info, err)
	}
}

func same(a, b stream.Entry) bool {
	return a.Position == b.Position && a.Time.Equal(b.Time) && string(a.Data) == string(b.Data) &&
		slices.Equal(a.Header["Number"], b.Header["Number"])
}

func testTooLarge(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "LARGE", stream.Settings{MaxBytes: 64 << 20})
	if err := s.Publish(nil, make([]byte, 4<<20), never(t)); !errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	large := strings.Repeat("x", 1<<20)
	if _, err := outcome(t, s, nil, []byte(large)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, 0, 1)[0]; string(got.Data) != large || len(got.Header) != 0 {
		t.Errorf("%d bytes, %q", len(got.Data), got.Header)
	}
}

func testFull(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "FULL", stream.Settings{MaxBytes: 64 << 10})
	data := make([]byte, 8<<10)
	var last uint64
	for {
		position, err := outcome(t, s, nil, data)
		if errors.Is(err, stream.ErrFull) {
			break
		}
		if err != nil || last > 8 {
			t.Fatalf("at %d: %v", last, err)
		}
		last = position
	}
	if err := s.Purge(t.Context(), last); err != nil { // all but the last
		t.Fatal(err)
	}
	if position, err := outcome(t, s, nil, data); err != nil || position != last+1 {
		t.Errorf("after the purge: %d %v", position, err)
	}
}

func testPurge(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "PURGE", stream.Settings{MaxBytes: 1 << 20})
	publish(t, s, 0, 5)
	for _, test := range []struct {
		below, first, entries uint64
		fails                 bool
	}{
		{0, 1, 5, false}, {1, 1, 5, false}, {3, 3, 3, false}, {2, 3, 3, false}, {7, 3, 3, true}, {6, 6, 0, false},
	} {
		err := s.Purge(t.Context(), test.below)
		info, infoErr := s.Info(t.Context())
		if (err != nil) != test.fails || infoErr != nil ||
			info.First != test.first || info.Entries != test.entries || info.Last != 5 {
			t.Errorf("below %d: %v %v, %+v", test.below, err, infoErr, info)
		}
	}
	if position, err := outcome(t, s, nil, nil); position != 6 || err != nil {
		t.Errorf("the next is at %d, %v", position, err)
	}
}

func testStepDown(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "STEPDOWN", stream.Settings{MaxBytes: 1 << 20})
	c.Await("STEPDOWN")
	before := c.Leader("STEPDOWN")
	if err := s.StepDown(t.Context(), before.Name); err != nil || c.Leader("STEPDOWN") == before {
		t.Errorf("%s led: %v", before.Name, err)
	}
	after := c.Leader("STEPDOWN") // a second server that has found the same
	if err := s.StepDown(t.Context(), before.Name); err != nil || c.Leader("STEPDOWN") != after {
		t.Errorf("%s led in its place: %v", after.Name, err)
	}
	publish(t, s, 0, 1)
}

func testClose(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "CLOSE", stream.Settings{MaxBytes: 1 << 20})
	publish(t, s, 0, 1)
	err := s.Read(t.Context(), 0, func(stream.Entry) error {
		s.Close()
		return nil
	})
	if !errors.Is(err, stream.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	if err := s.Publish(nil, nil, never(t)); !errors.Is(err, stream.ErrClosed) || s.Connected() {
		t.Errorf("Publish: %v, connected %v", err, s.Connected())
	}
}

func testVisitFails(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "VISIT", stream.Settings{MaxBytes: 1 << 20})
	publish(t, s, 0, 3)
	failed := errors.New("no")
	visited := 0
	err := s.Read(t.Context(), 0, func(stream.Entry) error {
		if visited++; visited == 2 {
			return failed
		}
		return nil
	})
	if err != failed || visited != 2 {
		t.Errorf("%v after %d", err, visited)
	}
}
