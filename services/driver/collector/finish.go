package collector

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"sealpost/shared/durable"
)

// ownFlush is from how many bytes on a file is flushed by who fetched it, so that the
// others do not wait for that.
const ownFlush = 1 << 20

// gather is how long more files are waited for, while some are still to come: a flush
// takes about as long for many as for one.
const gather = 100 * time.Millisecond

// part is a log file that passed every check and has no name yet: open under a
// temporary one, or still in memory.
type part struct {
	*os.File
	text []byte
}

// finisher makes files that passed every check durable and gives them their names:
// all those together that came while it did so for the ones before. One flush for
// each file takes two thirds of the rate at which small files can be fetched. It is
// also what writes the small ones: many goroutines that make files in one directory
// wait for each other there.
type finisher struct {
	flusher *durable.Flusher
	opened  *durable.Dir // before any file was written, and for flushes alone

	mu      sync.Mutex
	waiting []*job
	busy    bool
}

func (o *Output) newFinisher() (*finisher, error) {
	opened, err := o.Again()
	if err != nil {
		return nil, err
	}
	return &finisher{flusher: durable.NewFlusher(opened.CanSyncFS(), durable.DirtyBytes), opened: opened}, nil
}

// finish has a job ended whose file is whole, by a goroutine that lasts as long as
// there are some.
func (p *pool) finish(j *job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	j.whole.Store(true)
	p.waiting = append(p.waiting, j)
	if !p.busy {
		p.busy = true
		p.group.Go(func() error {
			for {
				p.gather()
				jobs := p.takeWaiting()
				if len(jobs) == 0 {
					return nil
				}
				p.finishAll(jobs)
			}
		})
	}
}

func (p *pool) gather() {
	moment := time.NewTimer(gather)
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-p.all.Done():
	}
}

func (p *pool) takeWaiting() []*job {
	p.mu.Lock()
	defer p.mu.Unlock()
	jobs := p.waiting
	p.waiting, p.busy = nil, len(jobs) > 0
	return jobs
}

func (p *pool) finishAll(jobs []*job) {
	written := jobs[:0]
	for _, j := range jobs {
		if err := p.write(j); err != nil {
			p.end(j, err)
			close(j.done)
			continue
		}
		written = append(written, j)
	}
	err := p.flushAll(written)
	for _, j := range written {
		p.end(j, err)
	}
	for _, j := range written { // who settles them is woken once, and not for each
		close(j.done)
	}
}

// write brings what is in memory into a temporary file.
func (p *pool) write(j *job) error {
	if j.part.File != nil {
		return nil
	}
	return p.at(j.item.Entry.File, func(in *Output, name string) (err error) {
		if j.part.File, err = in.makePart(partName(name)); err == nil {
			_, err = j.part.Write(j.part.text)
		}
		j.part.text = nil
		return local(err)
	})
}

// flushAll makes the bytes of files durable.
func (p *pool) flushAll(jobs []*job) error {
	flush := durable.Group{Opened: p.opened}
	for _, j := range jobs {
		flush.Files = append(flush.Files, j.part.File)
		flush.Bytes += j.item.Entry.FileSize
	}
	return p.flusher.Flush(flush)
}

// end gives the file of a job its name, where it was flushed. The name becomes durable
// before the line is kept. The temporary file goes where the name is taken, and where
// this machine's disk fails: it would take the room that other files may find enough.
func (p *pool) end(j *job, err error) {
	e := j.item.Entry
	if err == nil {
		err = p.show(j)
	}
	if j.part.File != nil {
		err = errors.Join(err, j.part.Close())
	}
	if !j.item.New || err != nil { // the first error is the one to report
		_ = p.at(e.File, func(in *Output, name string) error { return in.Remove(partName(name)) })
	}
	if err == nil {
		p.touch(e.File)
		return
	}
	j.item.New, j.item.Err = false, fileError(e, err)
}

// show gives a file its name. One that has that already is taken in its place, if it is a
// good one: it came there meanwhile, or nobody has looked for it.
func (p *pool) show(j *job) error {
	err := p.at(j.item.Entry.File, func(in *Output, name string) (err error) {
		j.item.checked, err = in.Show(j.part.File, partName(name), name)
		return err
	})
	j.item.looked = true
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	j.item.New = false
	have, err := p.have(&j.item, false)
	if err == nil && !have {
		err = foreign(fs.ErrExist) // and gone again
	}
	return err
}
