package outbox

import (
	"errors"
	"io/fs"
	"strings"
	"time"

	"sealpost/shared/durable"
	"sealpost/shared/ignore"
	"sealpost/shared/message"
)

// job is one thing to try: a claim to take over if its holder is dead, or a
// file to claim.
type job struct {
	id   message.ID
	name string // "" for a claim
}

// work is what a look at the outbox found.
type work struct {
	fresh   []job // not tried yet, or in other hands
	due     []job // put off before, and to be tried again now
	waiting int   // put off, for now
}

func (w work) jobs() int { return len(w.fresh) + len(w.due) }

// scan lists what could be done now. The files come from a look at DIR before
// the look at .sending: a file only moves forward, so none is missed between.
func (o *run) scan() (work, error) {
	looked := time.Now()
	if !o.box.root.InPlace() {
		return work{}, o.box.gone()
	}
	files, err := o.files()
	if err != nil {
		return work{}, err
	}
	claims, err := claims(o.box.sending())
	if err != nil {
		return work{}, err
	}
	var w work
	found := make(map[job]bool)
	for _, j := range append(claims, files...) {
		putOff, due := o.later.state(j)
		switch {
		case due:
			w.due = append(w.due, j)
		case !putOff:
			w.fresh = append(w.fresh, j)
		}
		if putOff {
			found[j] = true
		}
	}
	w.waiting = o.later.keep(looked, found)
	return w, nil
}

// files lists the files to be sent, and tells of everything else that lies there.
func (o *run) files() ([]job, error) {
	entries, err := o.box.root.ReadDir()
	if err != nil {
		return nil, err
	}
	var jobs []job
	odd, ignored := make(map[string]fs.FileMode), 0
	for _, e := range entries {
		switch name := e.Name(); {
		case ours(name):
		case !e.Type().IsRegular():
			odd[name] = e.Type()
		case o.Ignore.Match(name):
			ignored++
		default:
			jobs = append(jobs, job{name: name})
		}
	}
	o.told.odd(o.Log, odd)
	o.told.ignored(o.Log, ignored)
	o.looks.keep(jobs)
	return jobs, nil
}

// ours reports whether a name in DIR is not a message's.
func ours(name string) bool {
	return strings.HasPrefix(name, ".") || name == sentDir || name == refusedDir
}

func claims(sending *durable.Dir) ([]job, error) {
	entries, err := sending.ReadDir()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var jobs []job
	for _, e := range entries {
		if id, err := message.ParseID(e.Name()); err == nil && e.IsDir() {
			jobs = append(jobs, job{id: id})
		}
	}
	return jobs, nil
}

// Waiting counts the messages that lie in an outbox and are not sent yet, in
// whose hands they may be.
func Waiting(dir string, ignored ignore.Patterns) (int, error) {
	d, err := durable.OpenDir(dir)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	entries, err := d.ReadDir()
	if err != nil {
		return 0, err
	}
	n := 0
	sending, err := d.Sub(sendingDir)
	switch {
	case err == nil:
		defer sending.Close()
		var held []job
		held, err = claims(sending)
		n = len(held)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	for _, e := range entries {
		if e.Type().IsRegular() && !ours(e.Name()) && !ignored.Match(e.Name()) {
			n++
		}
	}
	return n, err
}
