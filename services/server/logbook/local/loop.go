package local

import (
	"math"
	"runtime"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/shared/logging/floods"
)

// maxGroup is how many messages share one record flush at most, where there are
// descriptors for so many.
const maxGroup = 1024

// commitLoop commits groups until Close. While one is flushed the next is
// written, so that the disk and the processor work side by side. While the
// logbook is red it also tries to heal, so that readiness turns green without
// traffic.
func (l *Logbook) commitLoop() {
	defer close(l.done)
	tick := time.NewTicker(l.cfg.RetryEvery)
	defer tick.Stop()
	for next := []*staged(nil); ; {
		if len(next) > 0 {
			next = l.commit(next)
			next = append(next, l.ready(l.gather(l.mostInGroup-len(next)), l.mostInGroup-len(next))...)
			next = l.orLater(next)
			select {
			case <-tick.C: // also where one group follows the other
				l.look()
			default:
			}
			continue
		}
		select {
		case <-l.queue.came:
			next = l.orLater(l.ready(l.gather(l.mostInGroup), l.mostInGroup))
		case <-tick.C:
			l.look()
		case <-l.closing:
			l.drain()
			return
		}
	}
}

// orLater turns to those set aside where nothing else is to be committed: what
// they waited for has failed. Each round settles one of them at least.
func (l *Logbook) orLater(next []*staged) []*staged {
	for len(next) == 0 && len(l.later) > 0 {
		next = l.ready(l.gather(l.mostInGroup), l.mostInGroup)
	}
	return next
}

// look does what is due every now and then.
func (l *Logbook) look() {
	l.checkRoom()
	_ = l.heal() // the reason is kept in health
	if err := l.publish(); err != nil {
		if what := "the checkpoint beside the manifest lags"; l.pass(zerolog.WarnLevel, what) {
			l.cfg.Log.Warn().Err(err).Msg(what)
		}
	}
}

// pass reports whether what fails again and again is to have a line.
func (l *Logbook) pass(level zerolog.Level, what string) bool {
	return l.cfg.Sums.Pass(floods.Event{Level: level, What: what})
}

// gather takes what waits: those who waited for a commit of their own id, and as
// many others as make most in all. It waits for nobody, but lets those go first
// who have something to bring and lack only the processor: a larger group costs
// the disk hardly more. A sender who is alone loses no time.
func (l *Logbook) gather(most int) []*staged {
	for n := 0; n < l.queue.len() && n < most; {
		n = l.queue.len()
		runtime.Gosched()
	}
	waited := l.takeLater()
	return append(waited, l.queue.take(most-len(waited))...)
}

// takeLater takes up those set aside.
func (l *Logbook) takeLater() []*staged {
	aside := l.later
	l.later = nil
	l.queue.takeUp(aside)
	return aside
}

// drain fails what waits and leaves the records short for the next start.
func (l *Logbook) drain() {
	fail(append(l.takeLater(), l.queue.take(math.MaxInt)...), logbook.ErrClosed)
	if l.health.reason() != nil {
		return
	}
	if err := l.lastCheckpoint(); err != nil {
		l.cfg.Log.Warn().Err(err).Msg("last checkpoint failed; recovery will replay the records")
	}
}
