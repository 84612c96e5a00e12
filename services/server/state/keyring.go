package state

import (
	"crypto/tls"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sealpost/shared/crypto/identity"
)

// maxIdentityFile bounds a file of identities, in bytes: some thousand of them.
const maxIdentityFile = 1 << 20

// keys are the identities at one time. They never change.
type keys struct {
	version     uint64 // counts them
	current     *identity.Identity
	next        *identity.Identity // nil: none
	former      []formerLine       // oldest first
	signers     []*identity.Identity
	until       time.Time // when the first of the former stops to sign; zero: none signs
	certificate *tls.Certificate
}

// keyring holds the identities, and reads them again when their files change.
type keyring struct {
	current, next watched[*identity.Identity]
	former        watched[[]formerLine]

	mu    sync.Mutex // of a refresh
	read  [3]uint64  // the versions of the files that the keys were made of
	inUse atomic.Pointer[keys]
}

func (k *keyring) watch(path func(string) string) {
	k.current.watch(identityFile, path(identityFile), maxIdentityFile, identity.ErrPEM, identity.ParsePEM)
	k.next.watch(nextFile, path(nextFile), maxIdentityFile, identity.ErrPEM, identity.ParsePEM)
	k.former.watch("identities", path(formerFile), maxIdentityFile, ErrFormerFile, parseFormer)
	k.next.optional, k.former.optional = true, true
}

// get returns the identities as they were read last: TLS, signatures and pins
// of one moment agree.
func (k *keyring) get() *keys { return k.inUse.Load() }

// refresh reads what has changed, and lets go of signers whose date has come.
func (k *keyring) refresh(now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	// The order matters: a switch notes the current identity as a former one
	// before it replaces it. Whoever reads the new one here finds the old one
	// among the former.
	err := errors.Join(k.current.refresh(), k.former.refresh(), k.next.refresh())
	fresh, read := k.combine()
	old := k.inUse.Load()
	if err == nil && old != nil && !fresh.follows(old) {
		err = ErrForeignIdentity
	}
	switch {
	case err != nil && old != nil && old.ends(now): // one file may be of before a switch and another of after it
		k.inUse.Store(old.at(now))
		return err
	case err != nil || old != nil && read == k.read && !old.ends(now):
		return err
	}
	cert, err := fresh.current.Certificate()
	if err != nil {
		return err
	}
	fresh.certificate = &cert
	if old != nil {
		fresh.version = old.version
	}
	k.read = read
	k.inUse.Store(fresh.at(now))
	return nil
}

// combine returns what the files held when they were read last, and which
// versions these are.
func (k *keyring) combine() (fresh *keys, read [3]uint64) {
	fresh = &keys{}
	fresh.current, read[0] = k.current.snapshot()
	fresh.former, read[1] = k.former.snapshot()
	fresh.next, read[2] = k.next.snapshot()
	return fresh, read
}

// follows reports whether a switch may have led from old to k. A key that just
// appeared in the place of the current one would lock out every client, and
// what the old one signed would not be known as the server's any more.
func (k *keys) follows(old *keys) bool {
	was := old.current.Public()
	return was.Equal(k.current.Public()) ||
		slices.ContainsFunc(k.former, func(f formerLine) bool { return f.Key.Equal(was) })
}

func (k *keyring) close() error {
	return errors.Join(k.current.close(), k.next.close(), k.former.close())
}

// ends reports whether the date of a signer has come.
func (k *keys) ends(now time.Time) bool { return !k.until.IsZero() && !now.Before(k.until) }

// at returns the keys with those signers that have not come to their date.
func (k *keys) at(now time.Time) *keys {
	fresh := *k
	fresh.version++
	fresh.signers, fresh.until = []*identity.Identity{k.current}, time.Time{}
	for _, f := range k.former {
		// After a switch that was cut short the current one is noted already.
		if f.signer == nil || !now.Before(f.Until) || f.Key.Equal(k.current.Public()) {
			continue
		}
		fresh.signers = append(fresh.signers, f.signer)
		if fresh.until.IsZero() || f.Until.Before(fresh.until) {
			fresh.until = f.Until
		}
	}
	return &fresh
}
