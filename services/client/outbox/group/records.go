package group

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/strictjson"
)

const (
	recordsName    = ".records.jsonl"
	recordsVersion = 1
	// maxRecord is more than the line of a record takes: each byte of the longest
	// name may be written as six.
	maxRecord  = 2 << 10
	maxRecords = (1 + Most) * maxRecord // bytes
)

// Record says what was, or is about to be, offered under an id. It is durable
// before the first attempt, so that every later one offers the same.
type Record struct {
	ID     message.ID     `json:"id"`
	Sender string         `json:"sender"`
	Name   string         `json:"name"`
	Cipher message.Cipher `json:"cipher"`
	Size   uint64         `json:"size"`
	SHA256 logfile.Digest `json:"sha256"`
}

// header is the first line of the records. What follows is whole where it is as
// long, and has that hash.
type header struct {
	V      int            `json:"v"`
	Count  int            `json:"count"`
	SHA256 logfile.Digest `json:"sha256"` // of the lines behind this one
}

var (
	errTorn    = errors.New("not whole")
	errVersion = errors.New("of an unknown version")
	errTwice   = errors.New("two of them have one id or one name")
	errTooLong = fmt.Errorf("longer than %d bytes", maxRecords)
	errTooMany = fmt.Errorf("more than %d messages", Most)
)

// appendRecords writes records: the header, and one line for each.
func appendRecords(records []Record) ([]byte, error) {
	var lines []byte
	for _, r := range records {
		line, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, line...), '\n')
	}
	head, err := json.Marshal(header{V: recordsVersion, Count: len(records), SHA256: sha256.Sum256(lines)})
	return append(append(head, '\n'), lines...), err
}

// parseRecords reads records: errTorn where they are not whole, as after a crash.
// Whole ones are read strictly: known fields only, valid names and ciphers.
func parseRecords(text []byte) ([]Record, error) {
	first, lines, ok := bytes.Cut(text, []byte("\n"))
	var version struct{ V int }
	if !ok || json.Unmarshal(first, &version) != nil {
		return nil, errTorn
	}
	if version.V != recordsVersion {
		return nil, errVersion
	}
	var head header
	if err := strictjson.Unmarshal(first, &head); err != nil {
		return nil, err
	}
	if sha256.Sum256(lines) != head.SHA256 || bytes.Count(lines, []byte("\n")) != head.Count {
		return nil, errTorn
	}
	if head.Count > Most {
		return nil, errTooMany
	}
	records := make([]Record, 0, head.Count)
	for line := range bytes.Lines(lines) {
		r, err := parseRecord(line)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, distinct(records)
}

func parseRecord(line []byte) (r Record, err error) {
	if err := strictjson.Unmarshal(line, &r); err != nil {
		return Record{}, err
	}
	if _, err := message.ParseCipher(string(r.Cipher)); err != nil {
		return Record{}, err
	}
	if err := message.CheckSender(r.Sender); err != nil {
		return Record{}, err
	}
	return r, message.CheckName(r.Name)
}

func distinct(records []Record) error {
	ids, names := make(map[message.ID]bool, len(records)), make(map[string]bool, len(records))
	for _, r := range records {
		ids[r.ID], names[r.Name] = true, true
	}
	if len(ids) < len(records) || len(names) < len(records) {
		return errTwice
	}
	return nil
}
