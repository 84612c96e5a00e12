package engine

import (
	"math"
	"runtime"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/shared/durable"
)

// MaxGroup is how many messages share one record flush at most, where there are
// descriptors for so many.
const MaxGroup = 1024

// committer is the one goroutine that commits. All its fields are its own; the
// queue, the health, the signer and what it has committed are shared, and guard
// themselves.
type committer struct {
	*Stores
	cfg       Config
	committed *committed
	signer    *signer
	queue     *queue
	health    *health
	closing   <-chan struct{}

	flushes    *durable.Flusher
	underway   map[index.Key]*Message // that are being committed, from when they are taken until they end
	unfinished bool                   // a durable group was left to recovery
	onVolume   *signed                // the checkpoint beside the manifest
	orphans    []string               // staged files that a record not yet voided may name
}

func newCommitter(e *Engine) *committer {
	return &committer{
		Stores: e.stores, cfg: e.cfg, committed: e.committed, signer: e.signer,
		queue: e.queue, health: e.health, closing: e.closing,
		flushes:  durable.NewFlusher(e.stores.Volume.CanSyncFS(), e.stores.Volume.Dirty),
		underway: make(map[index.Key]*Message),
	}
}

// run commits groups until the engine is closed. While one is flushed the next
// is written, so that the disk and the processor work side by side. While the
// logbook is red it also tries to heal, so that readiness turns green without
// traffic.
func (c *committer) run() {
	tick := time.NewTicker(c.cfg.RetryEvery)
	defer tick.Stop()
	for group := []*Message(nil); ; {
		if len(group) > 0 {
			group = c.gather(c.commit(group))
			select {
			case <-tick.C: // also where one group follows the other
				c.tick()
			default:
			}
			continue
		}
		select {
		case <-c.queue.came:
			group = c.gather(nil)
		case <-tick.C:
			c.tick()
		case <-c.closing:
			c.drain()
			return
		}
	}
}

// tick does what is due every now and then.
func (c *committer) tick() {
	c.checkRoom()
	_ = c.heal() // the reason is kept in health
	if err := c.writeCheckpoint(); err != nil {
		const what = "the checkpoint beside the manifest lags"
		c.say(zerolog.WarnLevel, what).Err(err).Msg(what)
	}
}

// say begins a line of the log, or returns nil if it was logged often enough.
func (c *committer) say(level zerolog.Level, what string) *zerolog.Event {
	return c.cfg.Sums.Line(c.cfg.Log, level, what)
}

// gather adds what waits to a group, up to its limit. It does not block, but yields
// while the queue grows: a larger group costs the disk hardly more, and a sender
// who is alone loses no time.
func (c *committer) gather(group []*Message) []*Message {
	for n := 0; n < c.queue.len() && n < c.cfg.MostInGroup-len(group); {
		n = c.queue.len()
		runtime.Gosched()
	}
	return c.take(group, math.MaxInt)
}

// take adds to a group what waits, at most n of them and as many as it has room
// for.
func (c *committer) take(group []*Message, n int) []*Message {
	came := c.queue.take(min(n, c.cfg.MostInGroup-len(group)))
	return append(group, c.write(c.firstOfEach(came))...)
}

// drain fails what waits and leaves the records short for the next start.
func (c *committer) drain() {
	c.endWaiting(logbook.ErrClosed)
	if c.health.reason() != nil {
		return
	}
	if err := c.leaveNothing(); err != nil {
		c.cfg.Log.Warn().Err(err).Msg("the last rotation failed; recovery will replay the records")
	}
}
