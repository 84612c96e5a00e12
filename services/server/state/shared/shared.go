// Package shared keeps what the states of all servers of a cluster have in common: their
// identities, the logbook's id, the senders and their limits. It lies in a register (package
// stream), sealed with the cluster's key, and each server has a copy of it in its state
// directory, where package state reads it. Beside that the register says which entries of the
// replicated log are void by an operator's word (see Passage): that is in no copy.
//
// Guaranteed:
//
//   - A change is made on the newest of what is shared, whole or not at all, whichever
//     server makes it; when its call returns it is in the register and in the own copy, and
//     the servers that follow have it within Config.Every and the time of a request.
//   - A server does not go back: what is older than it has known once it does not take, and
//     what was published by others than a server, a copy of an older value too, it passes over.
//
// Not guaranteed: that a server whose nodes cannot be reached knows of a change. Fresh says
// so; nobody should be let in then.
//
// Files, beside those of package state: shared_revision (see copy.go), shared_lock and
// change_lock (empty), and change, a directory, while a change is made. Former values stay in
// the register for a while, with the private keys that were in them; who has the cluster's key
// can read these.
package shared

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/state"
	"sealpost/services/server/stream"
)

// Config says where what is shared lies.
type Config struct {
	Register *stream.Register
	Key      Key
	Dir      string // of the state
	Log      zerolog.Logger

	Every time.Duration // between two looks at the register; 0: 500 ms
	Stale time.Duration // after which what was seen last counts no more; 0: Stale
}

// Stale is for how long what was seen last counts.
const Stale = 5 * time.Second

func (c Config) withDefaults() Config {
	c.Every = cmp.Or(c.Every, 500*time.Millisecond)
	c.Stale = cmp.Or(c.Stale, Stale)
	return c
}

var (
	// ErrNothing means that nothing was shared yet.
	ErrNothing = errors.New("the servers share nothing yet")
	// ErrStray means that a value in the register was not set there by a server, though one
	// sealed it: somebody published it again.
	ErrStray = errors.New("a value in the register was not set by a server")
	// ErrOlder means that the register has lost what this server has known.
	ErrOlder = errors.New("what the servers share is older than what this server has known")
	// ErrNotCopied means that a change was made, and could not be put into the own copy: it
	// comes there once the server follows again.
	ErrNotCopied = errors.New("the change was made, and is not in this server's copy yet")
	// ErrForeign means that the state directory is that of a server of another logbook.
	ErrForeign = errors.New("the state directory is that of another logbook: an empty one takes what the servers share")
	// ErrStale means that nobody knows what the servers share now.
	ErrStale = errors.New("what the servers share could not be read for too long")
)

// version is that of the form in which it is shared.
const version = 1

// VersionError means that a newer server has shared it.
type VersionError struct{ Version int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("what the servers share has version %d, this server reads version %d: upgrade this server",
		e.Version, version)
}

// content is what is shared, before it is sealed.
type content struct {
	V        int               `json:"v"`
	Revision uint64            `json:"revision"` // that the register gave it
	Over     sum               `json:"over"`     // of the sealed value that this replaced
	Files    map[string][]byte `json:"files"`    // of package state
	passages
}

// Shared follows what is shared.
type Shared struct {
	cfg Config

	mu    sync.Mutex
	heard time.Time // when the own copy was last known to be the newest
	stray uint64    // revision of the newest value that was passed over
	err   error     // of the last look
}

// Share makes the common files of a state the first that are shared. Where there are some
// already the error is stream.ErrChanged.
func Share(ctx context.Context, cfg Config) error {
	files, err := state.ReadCommon(cfg.Dir)
	if err != nil {
		return err
	}
	if err := state.CheckCommon(files); err != nil {
		return err
	}
	s := &Shared{cfg: cfg.withDefaults()}
	_, _, err = cfg.Register.Value(ctx)
	switch {
	case err == nil:
		return stream.ErrChanged
	case !errors.Is(err, stream.ErrNotFound):
		return err
	}
	// Before: what is known may be of another register, whose number this one has not come to.
	if err := Leave(cfg.Dir); err != nil {
		return err
	}
	_, err = s.set(ctx, newest{files: files}, newest{})
	return err
}

// Open takes what is shared into the state directory, which is to be opened behind it.
func Open(ctx context.Context, cfg Config) (*Shared, error) {
	s := &Shared{cfg: cfg.withDefaults()}
	if err := state.MakeDir(cfg.Dir); err != nil {
		return nil, err
	}
	if err := s.locked(ctx, changeLock, s.clean); err != nil {
		return nil, err
	}
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Follow takes what others change, until ctx ends.
func (s *Shared) Follow(ctx context.Context) {
	tick := time.NewTicker(s.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.follow(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// follow looks once, and logs what changes in how that ends.
func (s *Shared) follow(ctx context.Context) {
	s.mu.Lock()
	before := s.err
	s.mu.Unlock()
	err := s.look(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil && (before == nil || err.Error() != before.Error()):
		s.cfg.Log.Error().Err(err).Msg("what the servers share cannot be read")
	case err == nil && before != nil:
		s.cfg.Log.Info().Msg("what the servers share is read again")
	}
}

// Fresh is nil where the own copy was the newest not long ago, otherwise why it may not be.
func (s *Shared) Fresh() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil && !transient(s.err) {
		return s.err
	}
	if time.Since(s.heard) <= s.cfg.Stale {
		return nil
	}
	if s.err != nil {
		return fmt.Errorf("%w: %w", ErrStale, s.err)
	}
	return ErrStale
}

// transient reports whether an error says nothing of what is shared.
func transient(err error) bool {
	return !errors.Is(err, ErrOlder) && !errors.Is(err, ErrNothing) && !errors.Is(err, ErrSealed) &&
		!errors.Is(err, ErrStray) &&
		!errors.Is(err, state.ErrCommonFile) && !errors.Is(err, state.ErrNoServer) && !errors.As(err, new(*VersionError))
}

// look takes the newest.
func (s *Shared) look(ctx context.Context) error {
	asked := time.Now()
	_, err := s.take(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		s.heard = asked
	}
	return err
}

// Change makes a change of what is shared: do makes it in a state directory that is a copy,
// with package state. Where another server makes one at the same time do is called again,
// on what that has made, and its last result counts. Where do fails nothing is changed; nor
// is it, or nobody knows, after stream.ErrUnknown. After ErrNotCopied it is.
func (s *Shared) Change(ctx context.Context, do func(dir string) error) error {
	for {
		err := s.changeOnce(ctx, do)
		if !errors.Is(err, stream.ErrChanged) {
			return err
		}
	}
}

func (s *Shared) changeOnce(ctx context.Context, do func(dir string) error) error {
	var was, is newest
	err := s.locked(ctx, changeLock, func() (err error) {
		if was, err = s.take(ctx); err == nil {
			is.passages = was.passages
			is.files, err = s.edit(was.files, do)
		}
		return err
	})
	if err != nil || maps.EqualFunc(is.files, was.files, bytes.Equal) {
		return err
	}
	// Without a lock: it may take as long as there is no leader.
	if is, err = s.set(ctx, is, was); err != nil {
		return err
	}
	if err := s.locked(ctx, copyLock, func() error { return s.copy(is) }); err != nil {
		return fmt.Errorf("%w: %w", ErrNotCopied, err)
	}
	return nil
}

// set replaces one value by another, which it returns with what is known of it then.
func (s *Shared) set(ctx context.Context, by, over newest) (newest, error) {
	text, err := json.Marshal(content{version, over.last + 1, over.sum, by.files, by.passages})
	if err != nil {
		return by, err
	}
	sealed, err := s.cfg.Key.seal(text)
	if err != nil {
		return by, err
	}
	by.last, err = s.cfg.Register.Set(ctx, sealed, over.last)
	by.known = known{by.last, sumOf(sealed)}
	return by, err
}

// open returns what is shared, if a server set it at a revision.
func (s *Shared) open(sealed []byte, revision uint64) (c content, err error) {
	text, err := s.cfg.Key.open(sealed)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("what the servers share: %w", err)
	}
	switch {
	case c.Revision != revision:
		return c, ErrStray
	case c.V != version:
		return c, &VersionError{c.V}
	}
	return c, state.CheckCommon(c.Files)
}
