package state

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"sync"
)

// ErrUsedFile is what every error about the content of tokens_used is.
var ErrUsedFile = errors.New("tokens_used is damaged")

// used knows which tokens were used before. Its file has the SHA-256 of each as 64
// hex digits, a line each; it says nothing that is not in senders.jsonl but this.
type used struct {
	file watched[map[digest]bool]

	mu    sync.Mutex
	fresh map[digest]bool // used, and not in the file yet
}

func parseUsed(text []byte) (map[digest]bool, error) {
	list, err := parseLines(text, ErrUsedFile, func(line []byte) (d digest, err error) {
		return d, d.UnmarshalText(line)
	})
	known := make(map[digest]bool, len(list))
	for _, d := range list {
		known[d] = true
	}
	return known, err
}

// FirstUse reports whether the valid token with this SHA-256 was never used before,
// and notes that it is now; KeepUsed makes it last. Who loses the file, or the power
// before KeepUsed, hears of a first use again.
func (s *State) FirstUse(hash [32]byte) bool {
	u := &s.used
	u.mu.Lock()
	defer u.mu.Unlock()
	if known, _ := u.file.snapshot(); known[hash] || u.fresh[hash] {
		return false
	}
	if u.file.current()[hash] { // by another server with this state
		return false
	}
	if u.fresh == nil {
		u.fresh = make(map[digest]bool)
	}
	u.fresh[hash] = true
	return true
}

// KeepUsed writes down which tokens were used, where that is not done yet. Those that
// were removed are forgotten.
func (s *State) KeepUsed() error {
	s.used.mu.Lock()
	fresh := maps.Clone(s.used.fresh)
	s.used.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	if err := s.locked(func() error { return s.writeUsed(fresh) }); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	s.used.mu.Lock()
	defer s.used.mu.Unlock()
	maps.DeleteFunc(s.used.fresh, func(d digest, _ bool) bool { return fresh[d] })
	return nil
}

func (s *State) writeUsed(fresh map[digest]bool) error {
	known := s.used.file.current() // a damaged file is replaced
	var text bytes.Buffer
	for _, t := range s.tokens.current() {
		if known[t.SHA256] || fresh[t.SHA256] {
			text.WriteString(hex.EncodeToString(t.SHA256[:]) + "\n")
		}
	}
	if err := s.write(usedFile, text.Bytes()); err != nil {
		return err
	}
	return s.used.file.refresh()
}
