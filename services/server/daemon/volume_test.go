package daemon

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/room"
	"sealpost/shared/durable"
)

// of is a volume that says what a test puts into free.
func of(free *room.Free, percent int) *volume {
	v := newVolume("logs", "log volume", "", amount{100, 16}, percent)
	v.free = func() (room.Free, error) { return *free, nil }
	return v
}

// One line of the log tells that a volume is getting full, and one that it is not any
// more, which it is well above the mark alone: what comes and goes around it is silent.
func TestVolumeIsGettingFull(t *testing.T) {
	free := room.Free{AllBytes: 10000, AllInodes: 1000}
	v := of(&free, 10) // warns below 1,000 bytes and 100 inodes, until there are 1,100 and 110
	var logs bytes.Buffer
	lines := 0
	for _, c := range []struct {
		bytes, inodes uint64
		low           bool
		line          string
	}{
		{1000, 100, false, ""},
		{999, 100, true, "the log volume is getting full"},
		{999, 100, true, ""}, {1000, 100, true, ""}, {1099, 200, true, ""}, {900, 100, true, ""}, {0, 0, true, ""},
		{1100, 109, true, ""},
		{1100, 110, false, "the log volume has room again"},
		{1000, 100, false, ""},
		{5000, 99, true, "the log volume is getting full"},
		{999, 200, true, ""},
		{5000, 200, false, "the log volume has room again"},
	} {
		free.Bytes, free.Inodes = c.bytes, c.inodes
		logs.Reset()
		v.watch(zerolog.New(&logs))
		if strings.Count(logs.String(), "\n") != min(1, len(c.line)) || !strings.Contains(logs.String(), c.line) {
			t.Errorf("%d bytes, %d inodes: the log says %q, want %q", c.bytes, c.inodes, logs.String(), c.line)
		}
		if v.low.Load() != c.low {
			t.Errorf("%d bytes, %d inodes: low is %v", c.bytes, c.inodes, v.low.Load())
		}
		lines += strings.Count(logs.String(), "\n")
	}
	if lines != 4 {
		t.Errorf("%d lines", lines)
	}
}

// The mark is twice the reserve at least, however small the volume, and no mark of
// inodes is missed where the file system sets no limit.
func TestMarkOfAVolume(t *testing.T) {
	for _, c := range []struct {
		free    room.Free
		percent int
		want    amount
	}{
		{room.Free{AllBytes: 1000, AllInodes: 100}, 10, amount{200, 32}},
		{room.Free{AllBytes: 1000000, AllInodes: 1000}, 10, amount{100000, 100}},
		{room.Free{AllBytes: 1000000, AllInodes: 1000}, 0, amount{200, 32}},
		{room.Free{AllBytes: 1000000, Inodes: room.NoLimit}, 1, amount{10000, 32}},
	} {
		if got := of(&c.free, c.percent).mark(c.free); got != c.want {
			t.Errorf("%+v, %d percent: %+v, want %+v", c.free, c.percent, got, c.want)
		}
	}
}

// The state volume's reserve is of bytes and of inodes.
func TestVolumeIsShort(t *testing.T) {
	for _, c := range []struct {
		free  room.Free
		short bool
	}{
		{room.Free{Bytes: 100, Inodes: 16}, false}, {room.Free{Bytes: 100, Inodes: room.NoLimit}, false},
		{room.Free{Bytes: 99, Inodes: 16}, true}, {room.Free{Bytes: 100, Inodes: 15}, true},
	} {
		if err := of(&c.free, 0).short(); errors.Is(err, unix.ENOSPC) != c.short || (err != nil) != c.short {
			t.Errorf("%+v: %v", c.free, err)
		}
	}
	v := newVolume("state", "state volume", "/nowhere/at/all", amount{1, 1}, 0)
	if err := v.short(); err == nil {
		t.Error("a volume that cannot be asked has room")
	}
}

func TestVolumeMetrics(t *testing.T) {
	free := room.Free{Bytes: 2000, AllBytes: 10000, Inodes: room.NoLimit}
	v := of(&free, 10)
	v.low.Store(true)
	failing := newVolume("state", "state volume", "/nowhere/at/all", amount{1, 2}, 0)
	registry := prometheus.NewRegistry()
	v.register(registry)
	failing.register(registry)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			value := m.GetGauge().GetValue()
			if math.IsNaN(value) {
				value = -1
			}
			got[m.GetLabel()[0].GetValue()+" "+strings.TrimPrefix(f.GetName(), "sealpost_volume_")] = value
		}
	}
	want := map[string]float64{
		"logs free_bytes": 2000, "logs free_inodes": math.Inf(1), "logs reserve_bytes": 100, "logs reserve_inodes": 16,
		"logs warn_bytes": 1000, "logs warn_inodes": 32, "logs low": 1,
		"state free_bytes": -1, "state free_inodes": -1, "state reserve_bytes": 1, "state reserve_inodes": 2,
		"state warn_bytes": -1, "state warn_inodes": -1, "state low": 0,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// Each reason has one of the fixed labels.
func TestLabelOf(t *testing.T) {
	for err, want := range map[error]string{
		durable.ErrLocked: causeStandby, new(local.MisfitError): causeVolumes, new(local.CorruptError): causeVolumes,
		logbook.ErrNoSpace: causeRoom, new(room.LargestError): causeRoom, unix.ENOSPC: causeRoom, unix.EDQUOT: causeRoom,
		unix.EIO: causeLogbook, new(local.ForeignFileError): causeLogbook,
	} {
		if got := labelOf(errors.Join(err)); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
