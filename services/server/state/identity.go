package state

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
)

// maxSigners bounds the signatures under a checkpoint, and with it the size of
// receipts: the current identity's, and those of three that were replaced.
const maxSigners = 4

var (
	// ErrNoNext means that no identity was made to replace the current one.
	ErrNoNext = errors.New("no identity is ready to replace the current one")
	// ErrManyFormer means that as many replaced identities as may still sign do.
	ErrManyFormer = errors.New("three replaced identities still sign")
	// ErrForeignIdentity means that identity.pem holds a key that did not come
	// there by a switch. It is not followed before the next start.
	ErrForeignIdentity = errors.New("identity.pem was exchanged, not switched")
)

// Identity returns the server's key: the one that stands for TLS.
func (s *State) Identity() *identity.Identity { return s.identities.get().current }

// IdentityMade returns when the server's key was made, by the date of its file: a switch keeps that,
// a copy of the directory may not. It is zero where the file cannot be looked at.
func (s *State) IdentityMade() time.Time {
	info, err := os.Lstat(s.path(identityFile))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Certificate returns the certificate of the server's key.
func (s *State) Certificate() *tls.Certificate { return s.identities.get().certificate }

// Pins returns what clients should list: the identity and, where one is ready,
// the next.
func (s *State) Pins() identity.Pins {
	k := s.identities.get()
	pins := identity.Pins{s.pin(k.current)}
	if k.next != nil {
		pins = append(pins, s.pin(k.next))
	}
	return pins
}

// Former is an identity that was replaced.
type Former struct {
	Pin      identity.Pin
	Replaced time.Time
	Until    time.Time // before then it signs too, if Signs
	Signs    bool
}

// Formers lists the identities that were replaced, oldest first.
func (s *State) Formers() []Former {
	k, now := s.identities.get(), s.now()
	var list []Former
	for _, f := range k.former {
		if f.Key.Equal(k.current.Public()) {
			continue // of a switch that was cut short
		}
		list = append(list, Former{
			Pin:      identity.Pin{Origin: receipt.Origin(s.LogbookID()), Key: f.Key},
			Replaced: f.Replaced, Until: f.Until, Signs: f.signer != nil && now.Before(f.Until),
		})
	}
	return list
}

// NextIdentity makes the identity that is to replace the current one, or
// returns the one that was made earlier. Nothing uses it yet.
func (s *State) NextIdentity() (*identity.Identity, error) {
	err := s.changeIdentities(func(k *keys) error {
		if k.next != nil {
			return nil
		}
		id, err := identity.Generate()
		if err != nil {
			return err
		}
		return s.write(nextFile, id.PEM())
	})
	return s.identities.get().next, err
}

// DiscardNext forgets the identity that was to replace the current one. ErrNoNext.
func (s *State) DiscardNext() error {
	return s.changeIdentities(func(k *keys) error {
		if k.next == nil {
			return ErrNoNext
		}
		if err := os.Remove(s.path(nextFile)); err != nil {
			return err
		}
		return durable.SyncDir(s.dir)
	})
}

// SwitchIdentity puts the next identity in the place of the current one, which
// for the time overlap signs checkpoints beside it; 0 means not at all. Cut
// short at any moment it has happened or it has not. ErrNoNext, ErrManyFormer.
func (s *State) SwitchIdentity(overlap time.Duration) error {
	return s.changeIdentities(func(k *keys) error {
		switch {
		case k.next == nil:
			return ErrNoNext
		case overlap > 0 && len(k.signers) >= maxSigners:
			return ErrManyFormer
		}
		// First the note: between the two steps the current identity is still
		// the current one, and the note says nothing new. The other way round
		// its key would be lost.
		if err := s.noteFormer(k, overlap); err != nil {
			return err
		}
		return durable.Rename(s.path(nextFile), s.path(identityFile))
	})
}

func (s *State) noteFormer(k *keys, overlap time.Duration) error {
	now := s.now().UTC()
	f := formerLine{Key: k.current.Public(), Replaced: now.Truncate(time.Second), Until: now.Add(overlap)}
	if overlap > 0 {
		f.Private = string(k.current.PEM())
	}
	return s.writeFormer(noted(k.former, f))
}

// RetireFormer lets the replaced identities sign no more, from now on, deletes
// their private keys and returns how many these were.
func (s *State) RetireFormer() (n int, err error) {
	err = s.changeIdentities(func(k *keys) error {
		now, list := s.now().UTC(), slices.Clone(k.former)
		for i, f := range list {
			if f.Private != "" && f.Until.After(now) {
				list[i].Until = now
			}
		}
		list, n = stripped(list, now)
		return s.writeFormer(list)
	})
	return n, err
}

// DropExpired deletes the private keys of replaced identities whose date has
// come. They have not signed since; this takes them off the disk.
func (s *State) DropExpired() error {
	if _, n := stripped(s.identities.get().former, s.now()); n == 0 {
		return nil
	}
	return s.changeIdentities(s.strip)
}

func (s *State) strip(k *keys) error {
	list, n := stripped(k.former, s.now())
	if n == 0 {
		return nil
	}
	return s.writeFormer(list)
}

// changeIdentities makes one change while no other process makes one, and
// takes it up.
func (s *State) changeIdentities(change func(*keys) error) error {
	err := s.locked(func() error {
		if err := s.identities.refresh(s.now()); err != nil {
			return err
		}
		if err := change(s.identities.get()); err != nil {
			return err
		}
		return s.identities.refresh(s.now())
	})
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

// loadIdentities reads the identities, and makes the first one of a new state.
func (s *State) loadIdentities() error {
	if _, err := lookAt(s.path(identityFile)); errors.Is(err, fs.ErrNotExist) {
		id, err := identity.Generate()
		if err == nil {
			err = s.write(identityFile, id.PEM())
		}
		if err != nil {
			return err
		}
	}
	if err := s.identities.refresh(s.now()); err != nil {
		return err
	}
	if err := s.strip(s.identities.get()); err != nil {
		return err
	}
	return s.identities.refresh(s.now())
}

// SignCheckpoint signs a checkpoint with the server's identity, and with those
// it replaced whose date has not come.
func (s *State) SignCheckpoint(c receipt.Checkpoint) ([]byte, error) {
	return receipt.SignCheckpoint(c, s.identities.get().signers...)
}

// Signers returns another number whenever SignCheckpoint and SignRetired may sign with other
// identities than before.
func (s *State) Signers() uint64 { return s.identities.get().version }

// OpenCheckpoint opens a checkpoint that the server's identity signed, or one
// that it has replaced: volumes of before a switch still fit.
func (s *State) OpenCheckpoint(text []byte) (receipt.Checkpoint, error) {
	return receipt.OpenCheckpoint(text, s.ownPins())
}

// SignRetired signs a note of retired messages with those who sign checkpoints.
func (s *State) SignRetired(r receipt.Retired) ([]byte, error) {
	return receipt.SignRetired(r, s.identities.get().signers...)
}

// OpenRetired opens a note of retired messages that one of those signed whose
// checkpoints OpenCheckpoint opens.
func (s *State) OpenRetired(text []byte) (receipt.Retired, error) {
	return receipt.OpenRetired(text, s.ownPins())
}

// ownPins are the server's identity and all that it replaced.
func (s *State) ownPins() identity.Pins {
	k := s.identities.get()
	pins := identity.Pins{s.pin(k.current)}
	for _, f := range k.former {
		pins = append(pins, identity.Pin{Key: f.Key})
	}
	return pins
}

func (s *State) pin(id *identity.Identity) identity.Pin {
	return identity.Pin{Origin: receipt.Origin(s.LogbookID()), Key: id.Public()}
}
