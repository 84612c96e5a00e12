package replicated

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
)

// reader reads the log and has the volume keep what is in it. It is one goroutine.
type reader struct {
	*Logbook
	saved    fold.State // on the volume, which keeps all before it
	furthest uint64     // position up to which entries were passed once
	known    []byte     // a checkpoint that the volume has to come to; nil: it is there
	standing standing
}

// run reads on until the logbook is closed. Where an entry cannot be passed it goes back
// to the newest state that was written; what the volume keeps already it finds again.
func (r *reader) run() {
	for {
		err := r.pass()
		if r.ctx.Err() != nil {
			return
		}
		r.health.read(err)
		r.progress.begins(r.saved, new(window))
		const what = "the replicated log cannot be read on"
		r.say(zerolog.ErrorLevel, what).Err(err).Uint64("from", r.saved.Position+1).Msg(what)
		pause := time.NewTimer(r.cfg.RetryEvery)
		select {
		case <-pause.C:
		case <-r.ctx.Done():
			pause.Stop()
			return
		}
	}
}

// say begins a line of the log, or returns nil if it was logged often enough.
func (l *Logbook) say(level zerolog.Level, what string) *zerolog.Event {
	return l.cfg.Local.Sums.Line(l.cfg.Local.Log, level, what)
}

// passing is one try to read on.
type passing struct {
	*reader
	fold     *fold.Fold
	row      *engine.Row
	window   *window
	ctx      context.Context
	stop     context.CancelCauseFunc
	marked   time.Time
	noted    uint64 // what was last noted to be kept
	end      uint64 // of the log, as the try began
	again    uint64 // up to where entries were passed once before
	complete bool   // what the fold has taken was all done or handed to the volume
	stuck    *StuckError

	counted bool // the volume keeps as many messages as the log had

	taking sync.Mutex // held while an entry is taken; of fold, complete, marked and stated
	stated bool       // the window has the state behind the newest entry
	slow   slow       // who hinders the trimming
}

// pass reads from the state that was written last, until something cannot be kept.
func (r *reader) pass() error {
	info, err := r.cfg.Log.Info(r.ctx)
	if err != nil {
		return err
	}
	if info.First > r.saved.Needed() {
		if err := r.join(info); err != nil {
			return err
		}
	}
	if err := r.askVoids(); err != nil {
		return err
	}
	f, err := fold.New(r.key, r.cfg.Server, r.saved)
	if err != nil {
		return err
	}
	p := &passing{reader: r, fold: f, row: new(engine.Row), window: newWindow(r.saved.Messages), complete: true,
		end: info.Last, again: r.furthest, stated: true}
	p.ctx, p.stop = context.WithCancelCause(r.ctx)
	defer p.stop(nil)
	if settings, _ := f.Settings(); settings != nil {
		r.SetSharded(settings.Sharded) // their entry may be in the log no more
		r.waiters.settings(*settings)
	}
	r.waiters.seen(f.Seen())
	r.progress.begins(r.saved, p.window)
	p.judge()
	if err := p.look(); err != nil {
		return err
	}
	saving := p.startSaving()
	err = r.cfg.Log.Read(p.ctx, r.saved.Position, p.take)
	kept := p.window.wait()
	p.stop(nil)
	<-saving
	if kept == nil && p.complete {
		p.window.mark(f.State())
		p.save()
	}
	return p.failed(cmp.Or(kept, err))
}

// startSaving writes states every now and then, and tells the others, until the try is over.
func (p *passing) startSaving() (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		save, note := time.NewTicker(p.cfg.SaveEvery), time.NewTicker(p.cfg.NoteEvery)
		defer save.Stop()
		defer note.Stop()
		for {
			select {
			case <-save.C:
				p.markNewest()
				p.save()
			case <-note.C:
				p.tell()
				p.trim()
			case <-p.ctx.Done():
				return
			}
		}
	}()
	return done
}

// markNewest takes the newest state, where no entry follows it: what the log is trimmed by may
// be in it, and a log that is full gets no more.
func (p *passing) markNewest() {
	if !p.taking.TryLock() { // one follows
		return
	}
	defer p.taking.Unlock()
	if p.complete && !p.stated {
		p.stated = true
		p.window.mark(p.fold.State())
	}
}

// save writes the newest state that may be. Where that fails the next start reads more.
func (p *passing) save() {
	states := p.window.due()
	if len(states) == 0 {
		return
	}
	for _, state := range states {
		if state.AtPlace() && state.Position > p.end && p.health.doubt() == nil { // others have marked older ones
			p.mark(state)
		}
	}
	newest := states[len(states)-1]
	if err := p.store.write(newest); err != nil {
		p.cfg.Local.Log.Warn().Err(err).Msg("the position in the replicated log is not written")
		return
	}
	p.saved = newest
}

// take applies one entry.
func (p *passing) take(e fold.Entry) error {
	p.taking.Lock()
	defer p.taking.Unlock()
	p.complete, p.stated = false, false
	p.progress.tries(e)
	step, err := p.fold.Take(e)
	if err != nil {
		return err
	}
	if step.Void != nil {
		p.voided(step, step.Void)
	} else if err := p.do(step); err != nil {
		return err
	}
	p.complete = true
	p.room.came(e)
	p.passed(step)
	p.judge()
	if p.fold.AtPlace() || time.Since(p.marked) >= p.cfg.SaveEvery {
		p.marked, p.stated = time.Now(), true
		p.window.mark(p.fold.State())
	}
	p.waiters.seen(p.fold.Seen())
	if err := p.look(); err != nil {
		return err
	}
	return p.window.failure()
}

// look turns readiness green once the server has read what was there as it began, and keeps
// all that it has ever known.
func (p *passing) look() error {
	if p.fold.Seen().Position < p.end {
		return nil
	}
	if err := errors.Join(p.caughtUp(), p.countUp()); err != nil {
		return err
	}
	p.health.read(nil)
	return nil
}

func (p *passing) do(step fold.Step) error {
	switch step.Kind {
	case entry.KindMessage:
		return p.message(step)
	case entry.KindChunk:
		p.waiters.chunk(ticketOf(step.Header), step.Position)
	case entry.KindSettings:
		return p.applySettings(*step.Settings)
	case entry.KindImport:
		return p.imported(step)
	case entry.KindRetire:
		return p.retire(step)
	}
	return nil
}

// applySettings has settings hold for the messages that follow.
func (p *passing) applySettings(s entry.Settings) error {
	if err := p.window.wait(); err != nil {
		return err
	}
	p.SetSharded(s.Sharded)
	p.waiters.settings(s)
	return nil
}

// judge keeps the server from answering while others have read something else and it has
// no majority. It reads on: what tells who is right may be still to come.
func (p *passing) judge() {
	p.health.counts(p.fold.Counts())
	fork := p.fold.Judge()
	if told := p.health.fork(fork); fork != nil && !told {
		p.cfg.Local.Log.Error().Err(fork).Bool("majority", fork.Ours).Msg("servers have read different logs")
	}
}

// voided tells who waits for an entry that it does not count.
func (p *passing) voided(step fold.Step, why error) {
	const what = "an entry of the replicated log is void"
	p.say(zerolog.WarnLevel, what).Err(why).Uint64("position", step.Position).Str("server", step.Server).Msg(what)
	p.countVoid(step)
	p.waiters.void(ticketOf(step.Header), why)
}

// keep hands a message to the volume.
func (p *passing) keep(step fold.Step) error {
	m := *step.Message
	settings, zone := p.fold.Settings()
	staged, err := p.StageOrdered(draftOf(m), local.Order{
		Position: step.Position, Received: step.Time, Zone: zone, CiphertextMax: settings.CiphertextMax, Row: p.row,
	})
	if err != nil {
		return err
	}
	if err := p.fill(staged, step); err != nil {
		staged.Discard()
		if errors.Is(err, logbook.ErrMismatch) || errors.Is(err, errOtherChunk) {
			p.voided(step, err)
			return nil
		}
		return err
	}
	if void, err := p.leave(step.Position); void || err != nil {
		staged.Discard()
		if void {
			p.overruled(step)
		}
		return err
	}
	p.waiters.take(ticketOf(step.Header))
	under := p.window.begin(step.Position, step.Time)
	staged.Commit(p.ctx, func(facts logbook.Facts, err error) { p.ended(under, step, facts, err) })
	return nil
}

// ended hears what became of a message, in the order of the log where that is new. It must not
// wait for anything.
func (p *passing) ended(u *underway, step fold.Step, facts logbook.Facts, err error) {
	if err == nil {
		err = p.window.numbered(u, facts)
	}
	p.count(step, facts, err)
	switch {
	case errors.Is(err, logbook.ErrMismatch):
		p.waiters.answer(ticketOf(step.Header), logbook.Facts{}, fmt.Errorf("%w: %w", logbook.ErrUnavailable, err))
	case err == nil, errors.Is(err, logbook.ErrConflict):
		if waited := p.waiters.answer(ticketOf(step.Header), facts, err); !waited && err == nil && !facts.Repeat {
			p.cfg.Kept(facts)
		}
	default:
		p.stop(err)
		p.window.end(u, err)
		return
	}
	p.window.end(u, nil)
}

func draftOf(m entry.Message) logbook.Draft {
	return logbook.Draft{
		ID: m.ID, Sender: m.Sender, Name: m.Name, Cipher: m.Cipher,
		Size: m.Size, EncryptedSize: m.EncryptedSize, SHA256: m.SHA256,
	}
}
