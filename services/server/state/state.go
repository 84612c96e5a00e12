// Package state keeps what makes a server the server it is, in one private
// directory: its identity, the logbook's id, the senders, and the newest
// checkpoint of the logbook that it has known.
//
// Guaranteed: every change is on stable storage when its call returns, and is
// seen by other processes whole or not at all; changes by several processes
// are made one after the other. A running server follows changes to senders
// and identities without a restart. Tokens are kept as SHA-256 alone.
//
// What was read of it is on stable storage too, before a call returns it: what a
// server signs and puts on the log volume must not be younger than what it is
// signed with.
//
// Not guaranteed: that a running server follows a change of the logbook id by
// another process, other than by FollowLogbookID.
//
// Files: identity.pem and, while it is about to be replaced, identity_next.pem
// (PKCS #8), identities_former.jsonl (see former.go), logbook_id (32 hex
// digits), senders.jsonl (see tokens.go), tokens_used (see
// used.go), limits.jsonl (see limits.go), quota_day (see quotaday.go), checkpoint (a
// signed note), retired (see retired.go), accepted (see acceptance.go), order, order_taken and answer (see order.go),
// lock and order_lock (empty). The directory has mode 0700, the files 0600.
package state

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"

	"sealpost/services/server/quota"
)

const (
	dirMode  = 0o700
	fileMode = 0o600

	identityFile   = "identity.pem"
	nextFile       = "identity_next.pem"
	formerFile     = "identities_former.jsonl"
	logbookFile    = "logbook_id"
	sendersFile    = "senders.jsonl"
	usedFile       = "tokens_used"
	checkpointFile = "checkpoint"
	retiredFile    = "retired"
	limitsFile     = "limits.jsonl"
	quotaDayFile   = "quota_day"
	acceptedFile   = "accepted"
	lockFile       = "lock"
	orderFile      = "order"
	takenFile      = "order_taken"
	answerFile     = "answer"
	orderLockFile  = "order_lock"

	logbookIDSize = 16 // bytes, 32 hex digits
)

// ErrLogbookID means that a text is not a logbook id: 32 lower-case hex digits.
var ErrLogbookID = errors.New("not a logbook id (32 hex digits)")

// State is the content of a state directory. It is safe for concurrent use.
type State struct {
	dir        string
	logbookID  atomic.Pointer[string]
	tokens     watched[[]knownToken]
	valid      atomic.Pointer[tokenSet]
	used       used
	limits     watched[map[string]quota.Limits]
	identities keyring
	now        func() time.Time
}

// Open reads the state in dir and makes what is missing, the directory
// included. Several processes may do so at once; all get the same state.
func Open(dir string) (*State, error) {
	if err := MakeDir(dir); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	s := &State{dir: dir, now: time.Now}
	s.tokens.watch("senders", s.path(sendersFile), maxSendersFile, ErrSendersFile, parseTokens)
	s.used.file.watch("used tokens", s.path(usedFile), maxSendersFile, ErrUsedFile, parseUsed)
	s.used.file.optional = true
	s.limits.watch("limits", s.path(limitsFile), maxSendersFile, ErrLimitsFile, parseLimits)
	s.limits.optional = true
	s.identities.watch(s.path)
	if err := s.locked(s.load); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("state: %w", err)
	}
	return s, nil
}

// Check reads what others have changed, and returns why a file cannot be used,
// or nil. While one cannot, what was read of it last stays in force.
func (s *State) Check() error {
	return errors.Join(s.identities.refresh(s.now()), s.tokens.refresh(), s.limits.refresh())
}

// LogbookID returns the id of the logbook, 32 hex digits, as it was when the
// state was opened, last set through it, or last followed.
func (s *State) LogbookID() string { return *s.logbookID.Load() }

// FollowLogbookID reads the id again: an operator may have given the logbook
// another one. It is for a server that has not opened the logbook.
func (s *State) FollowLogbookID() error {
	id, err := s.readLogbookID()
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	s.logbookID.Store(&id)
	return nil
}

// SetLogbookID gives the logbook another id. It must not run beside a server
// that has opened the logbook.
func (s *State) SetLogbookID(id string) error {
	if !validLogbookID(id) {
		return ErrLogbookID
	}
	err := s.locked(func() error { return s.write(logbookFile, []byte(id+"\n")) })
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	s.logbookID.Store(&id)
	return nil
}

// Checkpoint returns the signed checkpoint of the logbook that was last kept,
// nil if none ever was.
func (s *State) Checkpoint() ([]byte, error) {
	text, err := s.read(checkpointFile, maxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	return text, nil
}

// SetCheckpoint keeps a signed checkpoint of the logbook.
func (s *State) SetCheckpoint(text []byte) error {
	if err := s.write(checkpointFile, text); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

// Close releases the files that the State holds open. It stays usable for what
// it has in memory.
func (s *State) Close() error {
	return errors.Join(s.tokens.close(), s.used.file.close(), s.limits.close(), s.identities.close())
}

func (s *State) load() error {
	if err := s.loadIdentities(); err != nil {
		return err
	}
	if err := s.loadLogbookID(); err != nil {
		return err
	}
	_, err := lookAt(s.tokens.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = s.write(sendersFile, nil)
	}
	if err != nil {
		return err
	}
	return errors.Join(s.tokens.refresh(), s.limits.refresh())
}

// NewLogbookID returns a random logbook id.
func NewLogbookID() string {
	var raw [logbookIDSize]byte
	rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}

func validLogbookID(id string) bool {
	raw, err := hex.DecodeString(id)
	return err == nil && len(raw) == logbookIDSize && strings.ToLower(id) == id
}
