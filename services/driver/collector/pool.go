package collector

import (
	"context"
	"io"

	"golang.org/x/sync/errgroup"

	"sealpost/shared/logfile"
)

// window is how many messages may be under way between the first that is not
// settled and the last that was read: it bounds memory, and leaves the
// connections work while one of them is busy with a large file.
const window = 256

// job is one message on its way through the pool.
type job struct {
	item     Item
	recorded bool  // collected in an earlier run
	stop     error // nothing can follow; the item is empty
	done     chan struct{}
}

// pool spreads the missing files over connections and settles all in order.
type pool struct {
	*collector
	group *errgroup.Group
	// first is the session that fetched the manifest, until a worker takes it.
	first   *session
	workers int
	todo    chan *job // for the workers
	order   chan *job // all, in order of number
	// all is done once no job is left to hand out.
	all    context.Context
	handed context.CancelFunc
}

// runPool reads the manifest, fetches what is missing and settles each message
// in order of number. It closes s.
func (c *collector) runPool(ctx context.Context, s *session, f *fresh) error {
	group, ctx := errgroup.WithContext(ctx)
	p := &pool{collector: c, group: group, first: s, todo: make(chan *job), order: make(chan *job, window)}
	p.all, p.handed = context.WithCancel(ctx)
	group.Go(func() error { return p.read(ctx, newManifestReader(c.kept, f)) })
	group.Go(func() error { return p.settle(ctx) })
	err := group.Wait()
	if p.first != nil {
		p.first.quit()
	}
	return err
}

// read turns manifest lines into jobs. What makes the manifest unusable from
// some line on is passed on in order, so that what came before it still counts.
func (p *pool) read(ctx context.Context, m *manifestReader) error {
	defer close(p.order)
	defer close(p.todo)
	defer p.handed()
	for {
		entry, line, recorded, err := m.next()
		if err == io.EOF {
			return nil
		}
		j := &job{recorded: recorded, stop: err, done: make(chan struct{})}
		if err != nil {
			close(j.done)
			return send(ctx, p.order, j)
		}
		j.item = Item{Entry: entry, Line: line, Path: p.path(entry)}
		if err := p.dispatch(ctx, j); err != nil {
			return err
		}
	}
}

// dispatch gives a job to a worker if its file is missing.
func (p *pool) dispatch(ctx context.Context, j *job) error {
	if err := send(ctx, p.order, j); err != nil {
		return err
	}
	have, err := p.have(j.item.Entry, j.recorded)
	if err != nil {
		j.item.Err = &FileError{Seq: j.item.Entry.Seq, File: logfile.FileName(j.item.Entry.Seq), Cause: err}
	}
	if have || err != nil {
		close(j.done)
		return nil
	}
	select {
	case p.todo <- j:
		return nil
	default:
	}
	if p.workers < p.Connections {
		p.hire(ctx)
	}
	return send(ctx, p.todo, j)
}

// settle waits for the jobs in order of number, counts them, records them and
// hands them on.
func (p *pool) settle(ctx context.Context) error {
	complete := true // no failure so far: the kept manifest can go on
	for j := range p.order {
		select {
		case <-j.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if j.stop != nil {
			return j.stop
		}
		complete = complete && j.item.Err == nil
		if complete && !j.recorded {
			if err := p.kept.add(j.item.Line); err != nil {
				return err
			}
		}
		if err := p.count(&j.item); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (p *pool) count(item *Item) error {
	p.Progress.done.Add(1)
	r := &p.result
	switch {
	case item.Err != nil:
		r.Failures = append(r.Failures, item.Err)
	case item.Gone:
		r.Gone++
	default:
		r.Files++
		r.Bytes += item.Entry.FileSize
	}
	if item.New {
		r.New++
		p.Log.Info().Uint64("number", item.Entry.Seq).Stringer("id", item.Entry.ID).
			Uint64("bytes", item.Entry.FileSize).Msgf("downloaded %s", logfile.FileName(item.Entry.Seq))
	}
	if p.Each != nil {
		if err := p.Each(*item); err != nil {
			return err
		}
	}
	if len(r.Failures) >= p.MaxFailures {
		return ErrTooManyFailures
	}
	return nil
}

func send(ctx context.Context, to chan<- *job, j *job) error {
	select {
	case to <- j:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
