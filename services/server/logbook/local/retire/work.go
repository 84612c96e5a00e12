package retire

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

const (
	// stepFiles are removed before others have their turn at the directory.
	stepFiles = 64
	// flushSteps are taken before the names that went are flushed: the room is free
	// only then.
	flushSteps = 16
)

// ErrStopped means that the work was stopped; the next start goes on with it.
var ErrStopped = errors.New("stopped while files of retired messages were removed")

// Work removes the files of all messages that are named as it begins, once the note is durable, and
// what an earlier process left of them. It goes in small steps, and pauses between them
// as long as they took, so that messages are kept meanwhile. It returns how many bytes
// the files had. After an error a later call goes on; stop makes it end early.
func (r *Retirer) Work(stop <-chan struct{}) (bytes uint64, err error) {
	named, err := r.settle()
	if err != nil {
		return 0, err
	}
	if !r.looked {
		if err := r.look(named, stop); err != nil {
			return 0, err
		}
		r.looked = true
	}
	s := &steps{r: r, named: named, stop: stop, began: time.Now(), touched: make(map[string]bool)}
	for _, one := range r.leftOf(named) {
		if err = r.Manifest.Each(one, s.remove); err != nil {
			break
		}
		r.done(one)
	}
	if flushErr := s.flush(); err == nil {
		err = flushErr
	}
	r.Retired(0, s.bytes)
	return s.bytes, err
}

// leftOf returns those of the named ones whose files may still be there.
func (r *Retirer) leftOf(named numbers.Set) []numbers.Range {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := r.left.Common(named)
	return left.Ranges()
}

// done notes that the files of a range are gone.
func (r *Retirer) done(one numbers.Range) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left.Remove(one)
}

// steps is one run of Work.
type steps struct {
	r       *Retirer
	named   numbers.Set
	stop    <-chan struct{}
	began   time.Time // of the step under way
	files   int       // looked at so far
	bytes   uint64
	touched map[string]bool // directories with names that went and were not flushed
}

// remove removes one file, where its line says that it lies.
func (s *steps) remove(e logfile.Entry) error {
	if s.files++; s.files%stepFiles == 0 {
		if err := s.yield(); err != nil {
			return err
		}
	}
	if !s.named.Has(e.Seq) {
		return nil
	}
	name := disk.LogsDir + "/" + e.File
	err := s.r.Volume.Remove(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	s.bytes += e.FileSize
	s.touched[path.Dir(name)] = true
	return nil
}

// yield leaves disk and directory to others.
func (s *steps) yield() error {
	if s.files%(stepFiles*flushSteps) == 0 {
		if err := s.flush(); err != nil {
			return err
		}
	}
	select {
	case <-time.After(time.Since(s.began)):
	case <-s.stop:
		return ErrStopped
	}
	s.began = time.Now()
	return nil
}

func (s *steps) flush() error {
	for dir := range s.touched {
		if err := s.r.Volume.SyncDir(dir); err != nil {
			return err
		}
		delete(s.touched, dir)
	}
	return nil
}

// look finds files that are named and still there: a crash may have come between.
// Which exactly is not kept, since there may be millions.
func (r *Retirer) look(named numbers.Set, stop <-chan struct{}) error {
	var found numbers.Set
	dirs := []string{disk.LogsDir}
	for len(dirs) > 0 {
		dir := dirs[0]
		dirs = dirs[1:]
		err := r.list(dir, stop, func(e fs.DirEntry) {
			seq, isLog := logfile.ParseFileName(e.Name())
			switch {
			case isLog && named.Has(seq):
				found = span(found, seq)
			case dir == disk.LogsDir && e.IsDir() && strings.Trim(e.Name(), "0123456789") == "":
				dirs = append(dirs, dir+"/"+e.Name())
			}
		})
		if err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left.AddAll(found.Common(named))
	return nil
}

// span is one range with all numbers of n and seq: names come in no order.
func span(n numbers.Set, seq uint64) numbers.Set {
	n.Add(numbers.One(seq))
	ranges := n.Ranges()
	n.Add(numbers.Range{First: ranges[0].First, Last: ranges[len(ranges)-1].Last})
	return n
}

// list gives the names in a directory to visit, in steps.
func (r *Retirer) list(dir string, stop <-chan struct{}, visit func(fs.DirEntry)) error {
	d, err := os.Open(r.Volume.Path(dir))
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	for {
		names, err := d.ReadDir(stepFiles)
		for _, e := range names {
			visit(e)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		select {
		case <-stop:
			return ErrStopped
		default:
		}
	}
}
