package shared

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sealpost/services/server/state"
	"sealpost/services/server/stream"
	"sealpost/shared/bounded"
	"sealpost/shared/durable"
)

const (
	revisionFile = "shared_revision"
	copyLock     = "shared_lock"
	changeLock   = "change_lock"
	changeDir    = "change"

	fileMode    = 0o600
	maxRevision = 1 << 10 // bytes
)

// lockEvery is how often it is tried to take a lock that another process has.
const lockEvery = 10 * time.Millisecond

// locked runs do while no other process has a lock of this copy.
func (s *Shared) locked(ctx context.Context, name string, do func() error) (err error) {
	for {
		lock, err := durable.TryLock(filepath.Join(s.cfg.Dir, name))
		if err == nil {
			return errors.Join(do(), lock.Close())
		}
		if !errors.Is(err, durable.ErrLocked) {
			return err
		}
		select {
		case <-time.After(lockEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// sum is the SHA-256 of a value as it was sealed, which no other one has.
type sum []byte

func sumOf(sealed []byte) sum {
	of := sha256.Sum256(sealed)
	return of[:]
}

// known is what a copy is of. It is kept in shared_revision, as JSON.
type known struct {
	revision uint64
	sum      sum
}

// newest is what is shared now.
type newest struct {
	files map[string][]byte
	passages
	known
	last uint64 // revision of the register: more than that of known where strays are behind it
}

// take takes what is shared now into the copy.
func (s *Shared) take(ctx context.Context) (is newest, err error) {
	err = s.locked(ctx, copyLock, func() (err error) {
		if is, err = s.read(ctx); err == nil {
			err = s.copy(is)
		}
		return err
	})
	return is, err
}

// read reads what is shared now. It is called with the lock held: what is read later is
// newer.
func (s *Shared) read(ctx context.Context) (is newest, err error) {
	sealed, last, err := s.cfg.Register.Value(ctx)
	if errors.Is(err, stream.ErrNotFound) {
		err = ErrNothing
	}
	if err != nil {
		return is, err
	}
	c, sealed, err := s.newest(ctx, sealed, last)
	if err != nil {
		return is, err
	}
	is = newest{c.Files, c.passages, known{c.Revision, sumOf(sealed)}, last}
	was, err := s.known()
	if err == nil && !is.follows(was, c.Over) {
		err = fmt.Errorf("%w: revision %d, known was %d", ErrOlder, is.revision, was.revision)
	}
	return is, err
}

// newest returns the newest value that a server has set, of those up to the last one.
func (s *Shared) newest(ctx context.Context, sealed []byte, last uint64) (c content, of []byte, err error) {
	c, why := s.open(sealed, last)
	for at := last; why != nil; {
		if !errors.Is(why, ErrSealed) && !errors.Is(why, ErrStray) {
			return c, nil, why
		}
		if at--; at == 0 {
			return c, nil, why
		}
		e, err := s.cfg.Register.Get(ctx, at)
		if errors.Is(err, stream.ErrNotFound) { // no more are kept
			return c, nil, why
		}
		if err != nil {
			return c, nil, err
		}
		first := why
		sealed = e.Data
		if c, why = s.open(sealed, at); why == nil {
			s.passedOver(last, first)
		}
	}
	return c, sealed, nil
}

// passedOver tells once of a value that counts for nothing.
func (s *Shared) passedOver(revision uint64, why error) {
	s.mu.Lock()
	told := s.stray == revision
	s.stray = revision
	s.mu.Unlock()
	if !told {
		s.cfg.Log.Error().Err(why).Uint64("revision", revision).
			Msg("a value in the servers' register counts for nothing: somebody else may publish to it")
	}
}

// follows reports whether a value, which replaced another one, is what was known, or newer. A
// register that has lost values counts from a smaller number again.
func (k known) follows(was known, over sum) bool {
	switch k.revision {
	case was.revision:
		return string(k.sum) == string(was.sum)
	case was.revision + 1:
		return string(over) == string(was.sum)
	}
	return k.revision > was.revision
}

// copy puts a value into the copy, unless that has a newer one. It is called with the lock
// held.
func (s *Shared) copy(is newest) error {
	was, err := s.known()
	if err != nil || was.revision > is.revision {
		return err
	}
	if len(was.sum) == 0 {
		if err := s.native(is.files); err != nil {
			return err
		}
	}
	if err := state.WriteCommon(s.cfg.Dir, is.files); err != nil || was.revision == is.revision {
		return err
	}
	return s.setKnown(is.known)
}

// native is ErrForeign where the state directory is that of a server of another logbook, whose
// identity would be lost.
func (s *Shared) native(files map[string][]byte) error {
	own, err := state.ReadCommon(s.cfg.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist): // it is made
		return nil
	case err == nil && !state.OneLogbook(own, files):
		return ErrForeign
	}
	return err
}

// revisionLine is the form of shared_revision.
type revisionLine struct {
	Revision uint64 `json:"revision"`
	Sum      sum    `json:"sum"`
}

// known returns the newest that this copy has had; the zero one: none.
func (s *Shared) known() (known, error) {
	text, err := bounded.ReadFile(filepath.Join(s.cfg.Dir, revisionFile), maxRevision)
	if errors.Is(err, fs.ErrNotExist) {
		return known{}, nil
	}
	var line revisionLine
	if err == nil {
		err = json.Unmarshal(text, &line)
	}
	if err != nil {
		return known{}, fmt.Errorf("%s: %w", revisionFile, err)
	}
	return known{line.Revision, line.Sum}, nil
}

// Leave makes the copy in a state directory, which no server has, that server's own.
func Leave(dir string) error {
	err := os.Remove(filepath.Join(dir, revisionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, durable.SyncDir(dir))
}

func (s *Shared) setKnown(k known) error {
	text, err := json.Marshal(revisionLine{k.revision, k.sum})
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(s.cfg.Dir, revisionFile), append(text, '\n'), fileMode)
}

// clean removes what a change that was killed has left: there are private keys in it.
func (s *Shared) clean() error { return os.RemoveAll(filepath.Join(s.cfg.Dir, changeDir)) }

// edit returns the files that do makes of others. They are in the state directory meanwhile,
// since they hold private keys.
func (s *Shared) edit(files map[string][]byte, do func(dir string) error) (changed map[string][]byte, err error) {
	dir := filepath.Join(s.cfg.Dir, changeDir)
	if err := s.clean(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.clean()) }()
	if err := state.WriteCommon(dir, files); err != nil {
		return nil, err
	}
	if err := do(dir); err != nil {
		return nil, err
	}
	return state.ReadCommon(dir)
}
