package outbox

import (
	"context"
	"time"

	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/group"
	"sealpost/shared/message"
)

// work is what a look at the outbox found.
type work struct {
	names   []string     // of files, not tried yet or to be tried again
	ended   bool         // the look has come to the end of DIR
	groups  []message.ID // not tried yet, or in somebody's hands
	due     []message.ID // put off before, and to be tried again now
	waiting int          // things put off, for now; groups are looked at where ended is true, at least
}

func (w work) jobs() int { return len(w.names) + len(w.groups) + len(w.due) }

// loop looks for work and hands it out until nothing is left.
func (o *run) loop(ctx, until context.Context) error {
	checked := false
	seen := 0 // since the start of this look at DIR
	files := &claiming{run: o, send: func(g *group.Group) { o.begin(ctx, until, g, func() {}) }}
	defer files.begin()
	for ctx.Err() == nil {
		idle := len(o.groups) == 0 // asked first: what ends meanwhile sets the time of the last movement
		late := o.late()
		found, err := o.look(late)
		if err != nil {
			return err
		}
		o.Looked()
		seen += found.jobs()
		if found.ended && seen == 0 && idle && !o.Watch && (found.waiting == 0 || late) {
			return nil
		}
		if found.jobs() > 0 {
			if err := o.box.Intact(); err != nil {
				return err
			}
		}
		if found.jobs() > 0 && !checked {
			// Before the first claim, so that the wrong server changes nothing here.
			if _, err := o.checkLogbook(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			checked = true
			o.progress()
		}
		left := o.handOut(ctx, until, found, files)
		if o.isHalted() {
			return nil
		}
		if found.ended && !left || o.rest() > 0 {
			files.begin() // a few files do not wait for more
			if idle && (found.waiting == 0 || late) && o.endsHeld(seen, files.held, late) {
				return nil
			}
			o.pauseFor(ctx, seen, seen == 0 && found.waiting == 0)
			seen, files.held = 0, 0
		}
	}
	o.mu.Lock()
	o.outcome.Stopped = o.failure(ctx) == nil
	o.mu.Unlock()
	return nil
}

// look lists what could be done now, of DIR a part. The files come from a look at
// DIR before the look at .sending: a file only moves forward, so none is missed
// between. Once it is late nothing is due: of many that wait one always is.
func (o *run) look(late bool) (w work, err error) {
	var names []string
	if names, w.ended, err = o.files.next(o.most); err != nil {
		return work{}, err
	}
	for _, name := range names {
		if putOff, due := o.later.state(thing{name: name}); !putOff || due && !late {
			w.names = append(w.names, name)
		}
	}
	if w.ended {
		o.looks.Ended()
		o.later.keepFiles(o.files.began)
	}
	if w.ended || time.Since(o.looked) >= o.poll {
		err = o.lookAtGroups(&w, late)
	}
	return w, err
}

// lookAtGroups lists those that could be taken over: each is tried, and most are in
// somebody's hands, so that it is not done at each part of DIR.
func (o *run) lookAtGroups(w *work, late bool) error {
	o.looked = time.Now()
	ids, err := group.IDs(o.box.Place(box.Sending))
	if err != nil {
		return err
	}
	for _, id := range ids {
		switch putOff, due := o.later.state(thing{group: id}); {
		case due && !late:
			w.due = append(w.due, id)
		case !putOff:
			w.groups = append(w.groups, id)
		}
	}
	w.waiting = o.later.keepGroups(o.looked)
	return nil
}

// handOut has work done, as far as groups may be held. What was put off before
// comes last, and never takes more than some of them: an attempt may be long, and
// end as the one before. left is true where another look may find more at once.
func (o *run) handOut(ctx, until context.Context, found work, files *claiming) (left bool) {
	for _, id := range found.groups {
		if !files.hold(ctx) {
			return false
		}
		o.takeOver(ctx, until, id, func() {})
	}
	left = files.claim(ctx, found.names)
	for _, id := range found.due {
		select {
		case o.again <- struct{}{}:
		default:
			return left
		}
		if !files.hold(ctx) {
			<-o.again
			return left
		}
		o.takeOver(ctx, until, id, func() { <-o.again })
	}
	return left
}

// hold waits until one more group may be held. false means that the run rests or
// ends.
func (o *run) hold(ctx context.Context) bool {
	select {
	case o.groups <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	if ctx.Err() != nil || o.isHalted() || o.rest() > 0 {
		<-o.groups
		return false
	}
	return true
}

// begin sends a group beside the loop, and lets it go.
func (o *run) begin(ctx, until context.Context, g *group.Group, ended func()) {
	o.inFlight.Go(func() {
		o.send(ctx, until, g)
		g.Release()
		<-o.groups
		ended()
		select {
		case o.wake <- struct{}{}:
		default:
		}
	})
}

// takeOver takes a group whose holder is dead, and sends it.
func (o *run) takeOver(ctx, until context.Context, id message.ID, ended func()) {
	g, err := group.TakeOver(o.box, id, o.step)
	if err != nil {
		o.leave(thing{group: id}, []Left{{ID: id, Err: err}}, !o.Watch)
	}
	// It may have been put off since the look that found it. With its lock held
	// nobody can do so any more.
	if g != nil {
		if putOff, due := o.later.state(thing{group: id}); !putOff || due {
			o.begin(ctx, until, g, ended)
			return
		}
		g.Release()
	}
	<-o.groups
	ended()
}

// pauseFor waits for something to change. What other clients do, and that a file is
// written no more, is noticed only by polling. idle: nothing waits at all.
func (o *run) pauseFor(ctx context.Context, jobs int, idle bool) {
	pause, put := o.poll, (<-chan struct{})(nil)
	if !o.Watch {
		// Growing by a quarter, it ends a wait no later than a quarter after its cause.
		pause = min(pause, max(o.first, o.paused*5/4))
	}
	o.paused = pause
	pause = max(pause, min(o.over.pause(), heldPause))
	if o.watch != nil {
		put = o.watch.Again()
		if idle {
			pause = max(pause, o.watch.Pause())
		}
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-o.wake:
		o.paused = 0
	case <-put:
	case <-timer.C:
		if jobs > 0 && len(o.groups) == 0 && !o.waiting && !o.Watch {
			o.waiting = true
			o.Log.Info().Int("messages", jobs).Msg("waiting for other clients, or for files that are being written")
		}
	}
}

// rest returns how long the next file is still left to others.
func (o *run) rest() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Until(o.restUntil)
}

func (o *run) isHalted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.halted
}
