package collector

import (
	"context"
	"io"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sealpost/shared/numbers"
)

// window is how many messages may be under way between the first that is not
// settled and the last that was read: it bounds memory, and leaves the
// connections work while one of them is busy with a large file.
const window = 1024

// ahead is how many jobs wait for the workers, so that none of these waits for the
// goroutine that reads the manifest: that costs a fifth of the rate.
const ahead = 64

// mostAbsent is how many files in a row are looked for in vain before small ones are
// fetched without a look: what a run that was cut off left does not lie behind so many
// that it did not come to. What is there all the same shows when it gets its name.
const mostAbsent = window

// standing is how a message stands when its job begins.
type standing int

const (
	unreached standing = iota // no run has come to it
	settled                   // an earlier run dealt with it
	later                     // owed from an earlier run: its turn comes after all others
	owed                      // that turn
	passed                    // not looked at
)

// job is one message on its way through the pool.
type job struct {
	item Item
	standing
	part  *part       // of a file that is whole; its name is still to come
	whole atomic.Bool // it is: done will be closed, also when the run is over
	stop  error       // nothing can follow; the item is empty
	done  chan struct{}
}

// pool spreads the missing files over connections and settles all in order.
type pool struct {
	*collector
	*finisher
	group *errgroup.Group
	// first is the session that fetched the manifest, until a worker takes it.
	first   *session
	workers int
	absent  int       // of read: new files in a row that were not there
	trouble int       // of settle: new files in a row over which the server failed
	todo    chan *job // for the workers
	order   chan *job // all, in order of number
	// all is done once no job is left to hand out.
	all    context.Context
	handed context.CancelFunc
}

// runPool reads the manifest, fetches what is missing and settles each message
// in order of number. It closes s.
func (c *collector) runPool(ctx context.Context, s *session, f *fresh) error {
	finisher, err := c.newFinisher()
	if err != nil {
		return err
	}
	defer finisher.opened.Close()
	group, ctx := errgroup.WithContext(ctx)
	p := &pool{
		collector: c, finisher: finisher, group: group, first: s,
		todo: make(chan *job, ahead), order: make(chan *job, window),
	}
	p.all, p.handed = context.WithCancel(ctx)
	due := c.kept.owed.Clone() // what fails in this run is not tried twice
	group.Go(func() error { return p.read(ctx, f, due) })
	group.Go(func() error { return p.settle(ctx) })
	err = group.Wait()
	if p.first != nil {
		p.first.quit()
	}
	return err
}

// read hands out a job for each line of the manifest, and then for what is owed
// from earlier runs: what keeps failing is tried last, so that it holds up
// nothing that is new.
func (p *pool) read(ctx context.Context, f *fresh, due numbers.Set) error {
	defer close(p.order)
	defer close(p.todo)
	defer p.handed()
	err := p.readLines(ctx, newManifestReader(p.kept, f), func(seq uint64) standing {
		switch {
		case seq >= p.kept.lines:
			return unreached
		case due.Has(seq):
			return later
		}
		return settled
	})
	if err != nil || due.Count() == 0 {
		return err
	}
	return p.readLines(ctx, newManifestReader(p.kept, nil), func(seq uint64) standing {
		if due.Has(seq) {
			return owed
		}
		return passed
	})
}

// readLines turns manifest lines into jobs. What makes the manifest unusable
// from some line on is passed on in order, so that what came before it still
// counts.
func (p *pool) readLines(ctx context.Context, m *manifestReader, stands func(seq uint64) standing) error {
	for {
		entry, line, err := m.next()
		if err == io.EOF {
			return nil
		}
		j := &job{stop: err, done: make(chan struct{})}
		if err != nil {
			close(j.done)
			return send(ctx, p.order, j)
		}
		j.item = Item{Entry: entry, Line: line, Path: p.path(entry.File), Out: p.Output}
		if j.standing = stands(entry.Seq); j.standing == passed {
			continue
		}
		if err := p.dispatch(ctx, j); err != nil {
			return err
		}
	}
}

// dispatch gives a job to a worker if its file has to come.
func (p *pool) dispatch(ctx context.Context, j *job) error {
	if err := send(ctx, p.order, j); err != nil {
		return err
	}
	if !p.wanted(j) {
		close(j.done)
		return nil
	}
	if p.workers == 0 || len(p.todo) > 0 && p.workers < p.Connections {
		p.hire(ctx)
	}
	return send(ctx, p.todo, j)
}

// wanted reports whether the file of a job must be fetched, and settles the
// item where not.
func (p *pool) wanted(j *job) bool {
	if j.standing == later {
		return false
	}
	have, err := p.look(j)
	switch {
	case err != nil:
		j.item.Err = fileError(j.item.Entry, err)
	case !have && p.retired.has(j.item.Entry.Seq):
		j.item.Retired = true
	case !have && j.standing == settled:
		j.item.Away = true
	case !have:
		return true
	}
	return false
}

// look reports whether the file of a job is there.
func (p *pool) look(j *job) (have bool, err error) {
	if j.standing == unreached && p.absent >= mostAbsent && p.inMemory(j.item.Entry) {
		return false, nil
	}
	have, err = p.have(&j.item, j.standing == settled)
	if p.absent++; have || err != nil {
		p.absent = 0
	}
	return have, err
}

func send(ctx context.Context, to chan<- *job, j *job) error {
	select {
	case to <- j:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
