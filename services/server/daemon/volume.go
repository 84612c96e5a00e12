package daemon

import (
	"fmt"
	"sync/atomic"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook/local/room"
)

const (
	// stateReserve is what the server and its commands need to write a file of the
	// state volume anew beside the old: some thousand senders have less.
	stateReserve       = 1 << 20
	stateReserveInodes = 16

	// warnTimes is how many times the reserve must be free at least, or the log warns.
	warnTimes = 2
)

// amount is of a volume.
type amount struct{ bytes, inodes uint64 }

func (a amount) times(n uint64) amount { return amount{a.bytes * n, a.inodes * n} }

// isIn reports whether so much is free.
func (a amount) isIn(free room.Free) bool { return free.Bytes >= a.bytes && free.Inodes >= a.inodes }

// volume is one of the server's two, by its room.
type volume struct {
	name    string // as a label, and a field of the log
	title   string // for people
	reserve amount // with less free the server is not ready
	percent uint64 // of the whole volume; with less free the log warns
	free    func() (room.Free, error)
	low     atomic.Bool // free was less than the mark, and is not well above it again
}

func newVolumes(cfg Config) (logs, state *volume) {
	bytes, inodes := room.Reserve(uint64(cfg.leastStaged()))
	return newVolume("logs", "log volume", cfg.DataDir, amount{bytes, inodes}, cfg.WarnFreePercent),
		// Nothing fills it message by message: a small fixed mark says more than a share.
		newVolume("state", "state volume", cfg.StateDir, amount{stateReserve, stateReserveInodes}, 0)
}

func newVolume(name, title, dir string, reserve amount, percent int) *volume {
	return &volume{name: name, title: title, reserve: reserve, percent: uint64(max(0, percent)),
		free: func() (room.Free, error) { return room.FreeOf(dir) }}
}

// mark is what must be free, or the log warns: well before the reserve is touched.
func (v *volume) mark(free room.Free) amount {
	least := v.reserve.times(warnTimes)
	return amount{
		max(least.bytes, free.AllBytes/100*v.percent), max(least.inodes, free.AllInodes/100*v.percent),
	}
}

// short says that less than the reserve is free, or that nobody can tell.
func (v *volume) short() error {
	free, err := v.free()
	if err != nil {
		return err
	}
	if !v.reserve.isIn(free) {
		return fmt.Errorf("the %s has less than %d bytes, or fewer than %d inodes, free: %w",
			v.title, v.reserve.bytes, v.reserve.inodes, unix.ENOSPC)
	}
	return nil
}

// watch logs once that less than the mark is free, and once that there is more again:
// a tenth above it, so that what comes and goes around the mark is told once. A volume
// that cannot be asked is for readiness to tell.
func (v *volume) watch(log zerolog.Logger) {
	free, err := v.free()
	if err != nil {
		return
	}
	mark := v.mark(free)
	back := amount{mark.bytes + mark.bytes/10, mark.inodes + mark.inodes/10}
	switch low := v.low.Load(); {
	case !low && !mark.isIn(free):
		v.low.Store(true)
		v.with(log.Warn(), free).Uint64("warn_bytes", mark.bytes).Uint64("warn_inodes", mark.inodes).
			Str("hint", "make room on the volume, or make it larger; with less than the reserve the server is not ready").
			Msg("the " + v.title + " is getting full")
	case low && back.isIn(free):
		v.low.Store(false)
		v.with(log.Info(), free).Msg("the " + v.title + " has room again")
	}
}

func (v *volume) with(line *zerolog.Event, free room.Free) *zerolog.Event {
	line = line.Str("volume", v.name).Uint64("free_bytes", free.Bytes)
	if free.Inodes != room.NoLimit {
		line = line.Uint64("free_inodes", free.Inodes)
	}
	return line.Uint64("reserve_bytes", v.reserve.bytes).Uint64("reserve_inodes", v.reserve.inodes)
}
