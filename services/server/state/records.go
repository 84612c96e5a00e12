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

// record is one token: one line of senders.jsonl, a JSON object with exactly
// these three fields.
type record struct {
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

func parseRecords(text []byte) ([]record, error) {
	return parseLines(text, ErrSendersFile, parseRecord)
}

func parseRecord(line []byte) (record, error) {
	var r record
	if err := strictjson.Unmarshal(line, &r); err != nil {
		return record{}, err
	}
	if r.SHA256 == (digest{}) {
		return record{}, ErrSendersFile
	}
	return r, message.CheckSender(r.Sender)
}

func count(records []record, name string) int {
	n := 0
	for _, r := range records {
		if r.Sender == name {
			n++
		}
	}
	return n
}

// group gathers records by sender, sorted by name.
func group(records []record) []Sender {
	created := map[string][]time.Time{}
	for _, r := range records {
		created[r.Sender] = append(created[r.Sender], r.Created)
	}
	var list []Sender
	for _, name := range slices.Sorted(maps.Keys(created)) {
		list = append(list, Sender{Name: name, Created: created[name]})
	}
	return list
}
