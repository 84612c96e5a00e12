package state

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"sealpost/shared/crypto/token"
	"sealpost/shared/message"
)

const (
	// maxTokens is how many tokens of a sender are valid at once: the old one
	// and its successor.
	maxTokens = 2
	// maxSendersFile bounds senders.jsonl, in bytes: some 400,000 tokens.
	maxSendersFile = 64 << 20
)

var (
	// ErrTwoTokens means that a sender has two tokens already.
	ErrTwoTokens = errors.New("this sender has two tokens already")
	// ErrUnknownSender means that there is no such sender.
	ErrUnknownSender = errors.New("no such sender")
	// ErrSendersFile is what every error about the content of senders.jsonl is.
	ErrSendersFile = errors.New("senders.jsonl is damaged")
)

// Sender is one sender as it is shown to people.
type Sender struct {
	Name    string
	Created []time.Time // one per token, oldest first
}

// AddSender is AddLimited without a change of limits.
func (s *State) AddSender(name string) (token.Token, error) {
	return s.AddLimited(name, LimitsChange{})
}

// AddLimited makes a token for a sender, who may be new, and changes the sender's limits
// before it is valid. ErrTwoTokens when two are valid already; a bad name is
// message.CheckNewSender's error, or for one who is known already message.CheckSender's.
// The token is shown this once and cannot be had again.
func (s *State) AddLimited(name string, limits LimitsChange) (token.Token, error) {
	if err := message.CheckSender(name); err != nil {
		return token.Token{}, err
	}
	tok, err := token.New(name)
	if err != nil {
		return token.Token{}, err
	}
	err = s.change(func(tokens []knownToken) ([]knownToken, error) {
		if count(tokens, name) >= maxTokens {
			return nil, ErrTwoTokens
		}
		if err := message.CheckNewSender(name); err != nil && count(tokens, name) == 0 {
			return nil, err
		}
		if err := s.limitNew(name, limits); err != nil {
			return nil, err
		}
		made := time.Now().UTC().Truncate(time.Second)
		return append(tokens, knownToken{Sender: name, Created: made, SHA256: tok.Hash()}), nil
	})
	if err != nil {
		return token.Token{}, err
	}
	return tok, nil
}

// RemoveSender makes a sender's tokens invalid, all of them or, with
// keepNewest, all but the newest, and returns how many that were.
// ErrUnknownSender when the sender has none.
func (s *State) RemoveSender(name string, keepNewest bool) (int, error) {
	removed := 0
	err := s.change(func(tokens []knownToken) ([]knownToken, error) {
		drop := count(tokens, name)
		if drop == 0 {
			return nil, ErrUnknownSender
		}
		if keepNewest {
			drop--
		}
		removed = drop
		var kept []knownToken
		for _, r := range tokens { // oldest first: new tokens are appended
			if r.Sender == name && drop > 0 {
				drop--
				continue
			}
			kept = append(kept, r)
		}
		return kept, nil
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// Withdraw makes one token invalid, as if it had never been made.
// ErrUnknownSender when there is no such token.
func (s *State) Withdraw(tok token.Token) error {
	return s.change(func(tokens []knownToken) ([]knownToken, error) {
		hash := tok.Hash()
		kept := slices.DeleteFunc(slices.Clone(tokens), func(r knownToken) bool { return r.SHA256 == hash })
		if len(kept) == len(tokens) {
			return nil, ErrUnknownSender
		}
		return kept, nil
	})
}

// Authenticate reports whose token this is. It takes the same time for every
// token that is well-formed and not valid, whether or not there is such a
// sender.
func (s *State) Authenticate(tok string) (sender string, ok bool) {
	parsed, err := token.Parse(tok)
	if err != nil {
		return "", false
	}
	match, ok := find(s.tokens.current(), parsed.Hash())
	// The name is inside the hashed token; the one beside its hash can differ only
	// where someone edited the file.
	if !ok || match.Sender != parsed.Sender() {
		return "", false
	}
	_ = s.limits.refresh() // Check reports it
	return match.Sender, true
}

// StillValid reports whether the token with this hash is valid, as far as this
// State has seen: Check and every change look at the file. A connection that
// was let in earlier asks it at each message, so it costs next to nothing; its
// time tells nothing, since who asks has shown the token.
func (s *State) StillValid(hash [32]byte) bool {
	tokens, version := s.tokens.snapshot()
	valid := s.valid.Load()
	if valid == nil || valid.version != version {
		valid = newTokenSet(tokens, version)
		s.valid.Store(valid)
	}
	return valid.hashes[hash]
}

// tokenSet has the hashes of one version of the senders.
type tokenSet struct {
	version uint64
	hashes  map[[32]byte]bool
}

func newTokenSet(tokens []knownToken, version uint64) *tokenSet {
	t := &tokenSet{version, make(map[[32]byte]bool, len(tokens))}
	for _, r := range tokens {
		t.hashes[r.SHA256] = true
	}
	return t
}

// find compares with every token, in constant time each.
func find(tokens []knownToken, hash [32]byte) (knownToken, bool) {
	var match knownToken
	found := 0
	for _, r := range tokens {
		if subtle.ConstantTimeCompare(r.SHA256[:], hash[:]) == 1 {
			match, found = r, 1
		}
	}
	return match, found == 1
}

// Senders lists the senders by name, as the file has them now.
func (s *State) Senders() ([]Sender, error) {
	if err := s.tokens.refresh(); err != nil {
		return nil, err
	}
	tokens, _ := s.tokens.snapshot()
	return group(tokens), nil
}

// SendersVersion returns another number after each change of the senders that
// this State has seen, by whomever it was made.
func (s *State) SendersVersion() uint64 {
	_, version := s.tokens.snapshot()
	return version
}

// change replaces the senders' file by what edit makes of it.
func (s *State) change(edit func([]knownToken) ([]knownToken, error)) error {
	return s.locked(func() error {
		if err := s.tokens.refresh(); err != nil {
			return err
		}
		current, _ := s.tokens.snapshot()
		tokens, err := edit(slices.Clip(current))
		if err != nil {
			return err
		}
		var text bytes.Buffer
		for _, r := range tokens {
			line, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("senders: %w", err)
			}
			text.Write(append(line, '\n'))
		}
		if err := s.write(sendersFile, text.Bytes()); err != nil {
			return fmt.Errorf("senders: %w", err)
		}
		return s.tokens.refresh()
	})
}
