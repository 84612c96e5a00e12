package state

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	"sealpost/shared/message"
	"sealpost/shared/strictjson"
)

// knownToken is a token that the server knows: one line of senders.jsonl, a JSON object with exactly
// these three fields.
type knownToken struct {
	Sender  string    `json:"sender"`
	Created time.Time `json:"created"`
	SHA256  digest    `json:"sha256"` // of the whole token
}

// digest is 64 hex digits in text.
type digest [sha256.Size]byte

func (d digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

func (d *digest) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(d) {
		return errors.New("a SHA-256 has 64 hex digits")
	}
	copy(d[:], raw)
	return nil
}

func parseTokens(text []byte) ([]knownToken, error) {
	return parseLines(text, ErrSendersFile, parseToken)
}

func parseToken(line []byte) (knownToken, error) {
	var r knownToken
	if err := strictjson.Unmarshal(line, &r); err != nil {
		return knownToken{}, err
	}
	if r.SHA256 == (digest{}) {
		return knownToken{}, ErrSendersFile
	}
	return r, message.CheckSender(r.Sender)
}

func count(tokens []knownToken, name string) int {
	n := 0
	for _, r := range tokens {
		if r.Sender == name {
			n++
		}
	}
	return n
}

// group gathers tokens by sender, sorted by name.
func group(tokens []knownToken) []Sender {
	created := map[string][]time.Time{}
	for _, r := range tokens {
		created[r.Sender] = append(created[r.Sender], r.Created)
	}
	var list []Sender
	for _, name := range slices.Sorted(maps.Keys(created)) {
		list = append(list, Sender{Name: name, Created: created[name]})
	}
	return list
}
