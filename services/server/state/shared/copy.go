package shared

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sealpost/services/server/state"
	"sealpost/services/server/stream"
	"sealpost/shared/bounded"
	"sealpost/shared/durable"
)

const (
	revisionFile = "shared_revision"
	lockFile     = "shared_lock"
	changeDir    = "change"

	fileMode     = 0o600
	maxRevision  = 32 // bytes
	revisionBase = 10
)

// locked runs do while no other process takes or changes what is shared, in this copy.
func (s *Shared) locked(do func() error) (err error) {
	lock, err := durable.Lock(filepath.Join(s.cfg.Dir, lockFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return do()
}

// newest is what is shared now.
type newest struct {
	files    map[string][]byte
	revision uint64
}

// take takes what is shared now into the copy. It is called with the lock held: what is
// read later is newer.
func (s *Shared) take(ctx context.Context) (newest, error) {
	sealed, revision, err := s.cfg.Register.Value(ctx)
	if errors.Is(err, stream.ErrNotFound) {
		err = ErrNothing
	}
	if err != nil {
		return newest{}, err
	}
	known, err := s.known()
	if err != nil {
		return newest{}, err
	}
	if revision < known {
		return newest{}, fmt.Errorf("%w: revision %d, known was %d", ErrOlder, revision, known)
	}
	files, err := s.open(sealed)
	if err != nil {
		return newest{}, err
	}
	if err := state.WriteCommon(s.cfg.Dir, files); err != nil {
		return newest{}, err
	}
	if revision > known {
		err = s.setKnown(revision)
	}
	return newest{files, revision}, err
}

// known returns the newest revision that this copy has had; 0: none.
func (s *Shared) known() (uint64, error) {
	text, err := bounded.ReadFile(filepath.Join(s.cfg.Dir, revisionFile), maxRevision)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	revision, err := strconv.ParseUint(strings.TrimSuffix(string(text), "\n"), revisionBase, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", revisionFile, err)
	}
	return revision, nil
}

func (s *Shared) setKnown(revision uint64) error {
	text := strconv.AppendUint(nil, revision, revisionBase)
	return durable.WriteFile(filepath.Join(s.cfg.Dir, revisionFile), append(text, '\n'), fileMode)
}

// edit returns the files that do makes of others. They are in the state directory
// meanwhile, since they hold private keys, and what a change that was killed has left there
// goes with the next.
func (s *Shared) edit(files map[string][]byte, do func(dir string) error) (changed map[string][]byte, err error) {
	dir := filepath.Join(s.cfg.Dir, changeDir)
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := state.WriteCommon(dir, files); err != nil {
		return nil, err
	}
	if err := do(dir); err != nil {
		return nil, err
	}
	return state.ReadCommon(dir)
}
