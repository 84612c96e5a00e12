package days

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"sealpost/shared/durable"
)

// A day that is being removed is called prunedPrefix, the day, a hyphen, a number.
const prunedPrefix = ".pruned-"

const oneDay = 24 * time.Hour

// errRecent means that something in a day has changed lately.
var errRecent = errors.New("changed lately")

// pruning is one Prune under way.
type pruning struct {
	Place
	ctx     context.Context
	ended   time.Time // days that ended before this go,
	changed time.Time // if they were changed last before this
	Pruned
}

func (u *pruning) run() error {
	left, days, err := u.list()
	if err != nil {
		return err
	}
	for _, name := range left { // by one who died, or who does it now
		if err := u.remove(name); err != nil {
			return err
		}
	}
	for _, day := range days {
		if start, _ := parseDay(day); !start.Add(oneDay).Before(u.ended) {
			break
		}
		if err := u.day(day); err != nil {
			return err
		}
	}
	return nil
}

// list returns the days, the oldest first, and those that were renamed away.
func (u *pruning) list() (left, days []string, err error) {
	err = u.each(u.Dir, func(e fs.DirEntry) error {
		if _, ok := prunedDay(e.Name()); ok {
			left = append(left, e.Name())
		}
		return nil
	})
	if err == nil {
		days, err = u.days()
	}
	return left, days, err
}

// each calls visit for everything in a directory, until ctx ends.
func (u *pruning) each(d *durable.Dir, visit func(fs.DirEntry) error) error {
	for entries, err := range d.Entries(listed) {
		if err = errors.Join(err, u.ctx.Err()); err != nil {
			return err
		}
		for _, e := range entries {
			if err := visit(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// prunedDay returns which day a directory of that name was.
func prunedDay(name string) (day string, ok bool) {
	rest, ours := strings.CutPrefix(name, prunedPrefix)
	if !ours || len(rest) <= len(time.DateOnly) {
		return "", false
	}
	day = rest[:len(time.DateOnly)]
	_, ok = parseDay(day)
	return day, ok
}

// day renames a day away and removes it, unless it has changed lately, nothing in
// it may go, or it is not ours.
func (u *pruning) day(name string) error {
	d, err := u.sub(u.Dir, name)
	if err != nil {
		return nil // gone by now, a file, or another user's
	}
	goes, err := u.mayGo(d)
	_ = d.Close()
	switch {
	case errors.Is(err, errRecent):
		return nil
	case err != nil || !goes:
		return err
	}
	away := prunedPrefix + name + "-" + strconv.FormatUint(uint64(rand.Uint32()), 10)
	err = u.Dir.RenameOnly(name, u.Dir, away)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another client was quicker
	}
	if err == nil {
		err = u.Dir.Sync() // before anything in it goes: else a power cut may show half a day
	}
	if err != nil {
		return err
	}
	return u.remove(away)
}

// mayGo reports whether a day, or a folder in it, is empty or holds something to
// remove: errRecent where the day or a folder in it has changed lately.
func (u *pruning) mayGo(d *durable.Dir) (goes bool, err error) {
	info, err := d.Stat()
	if err != nil {
		return false, err
	}
	if !info.Changed().Before(u.changed) {
		return false, errRecent
	}
	empty := true
	err = u.each(d, func(e fs.DirEntry) error {
		empty = false
		if !e.IsDir() {
			goes = goes || u.removable(d, e.Name())
			return nil
		}
		below, err := u.sub(d, e.Name())
		if err != nil {
			return nil // gone, or another user's: it stays
		}
		defer below.Close()
		ok, err := u.mayGo(below)
		goes = goes || ok
		return err
	})
	return goes || empty, err
}
