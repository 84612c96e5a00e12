// Package entry is the form of what servers publish to the replicated log:
//
//	offset   length   part
//	0        4        length of the header, big-endian
//	4                 header: one JSON object
//	                  body
//	-32      32       HMAC-SHA-256 (RFC 2104) of all before it
//
// The body of a message is its deciphered bytes, and behind them its base64 text without
// line ends where the log file has that. One that is larger than ChunkSize stands in
// chunks, entries of their own, whose positions its entry lists. The body of a mark is the
// state that it is about, that of an entry that retires the numbers, as package numbers writes
// them with commas between ranges.
//
// Guaranteed: what Open returns was sealed by who has the key, for this logbook. Nothing
// else is checked; package fold does that.
package entry

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"sync"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/strictjson"
)

// Version is that of the form, and of the rules by which entries are folded.
const Version = 1

// ChunkSize is how many bytes of a message one entry has at most.
const ChunkSize = 512 << 10

const (
	lengthSize = 4
	macSize    = sha256.Size
	maxHeader  = 128 << 10 // with the list of the chunks of a message
)

// Kind says what an entry is about.
type Kind string

// The kinds of version 1.
const (
	KindMessage  Kind = "message"
	KindChunk    Kind = "chunk"
	KindSettings Kind = "settings"
	KindServers  Kind = "servers"
	KindNote     Kind = "note"
	KindMark     Kind = "mark"
	KindImport   Kind = "import"
	KindRetire   Kind = "retire"
)

// Header is what an entry says besides its body. One field of its kind is set.
type Header struct {
	V       int    `json:"v"`
	Kind    Kind   `json:"kind"`
	Server  string `json:"server"`  // that published it
	Seen    Seen   `json:"seen"`    // by that server
	Attempt ID     `json:"attempt"` // fresh each time; a message and its chunks have the same

	Message  *Message  `json:"message,omitempty"`
	Chunk    *Chunk    `json:"chunk,omitempty"`
	Settings *Settings `json:"settings,omitempty"`
	Servers  *Servers  `json:"servers,omitempty"`
	Note     *Note     `json:"note,omitempty"`
	Mark     *Mark     `json:"mark,omitempty"`
	Import   *Import   `json:"import,omitempty"`
	Retire   *Retire   `json:"retire,omitempty"`
}

// ID tells attempts to publish apart.
type ID = message.ID

// Seen is how far a server had read the log, and what it had read.
type Seen struct {
	Position uint64 `json:"position"`
	Chain    Chain  `json:"chain"`
}

// Message declares a message: the draft of package logbook.
type Message struct {
	Sender        string         `json:"sender"`
	ID            message.ID     `json:"id"`
	Name          string         `json:"name,omitempty"`
	Cipher        message.Cipher `json:"cipher"`
	Size          uint64         `json:"size"`
	EncryptedSize uint64         `json:"encrypted_size,omitempty"`
	SHA256        logfile.Digest `json:"sha256"`
	// Chunks are the positions of its chunks, in order; none where the body is here.
	Chunks []uint64 `json:"chunks,omitempty"`
}

// Chunk is the part of a message that the body holds.
type Chunk struct {
	Index int `json:"index"` // from 0 on
}

// Settings are what the bytes of log files depend on. They hold from their entry on.
type Settings struct {
	Zone          string         `json:"zone"`           // of the time in a log file, as in the IANA database
	ZoneRules     logfile.Digest `json:"zone_rules"`     // RulesOf that zone
	CiphertextMax uint64         `json:"ciphertext_max"` // longer base64 is left out of the log file
	Sharded       bool           `json:"sharded"`        // log files lie in shard directories
}

// Servers changes which servers are counted: they are asked where two disagree, and
// waited for before anything is removed from the log.
type Servers struct {
	Add    []string `json:"add,omitempty"`
	Forget []string `json:"forget,omitempty"`
}

// Note says that a server keeps everything up to its position.
type Note struct {
	Durable uint64 `json:"durable"`
}

// Mark says what the log came to up to a position, so that what lies before it may be
// removed: the body is the state of the fold there, in JSON. A volume that keeps at least
// Number messages, of which the first Number have the tree root Root (RFC 9162, section
// 2.1.1), has all that came before, if its note of retired messages has at least the serial
// Retired.
type Mark struct {
	Position uint64         `json:"position"`
	Chain    Chain          `json:"chain"`
	Number   uint64         `json:"number"`
	Root     logfile.Digest `json:"root"`
	Retired  uint64         `json:"retired,omitempty"`
}

// Retire says that messages are retired: the body is their numbers. It counts where the note
// of retired messages is the one that its publisher had, which it replaces; so every server
// comes to the same note, whichever entries it has read before.
type Retire struct {
	Serial uint64         `json:"serial"` // of that note; 0: there was none
	Sum    logfile.Digest `json:"sum"`    // of what it names
}

// Import says what every volume keeps before the log: the messages of a logbook that one
// server had alone. It stands before all else that counts.
type Import struct {
	Number  uint64         `json:"number"`            // of messages
	Root    logfile.Digest `json:"root"`              // of the tree over them
	Retired uint64         `json:"retired,omitempty"` // serial of the note of those that are retired
}

// Errors of Open.
var (
	// ErrForged means that no server of this cluster has sealed it.
	ErrForged = errors.New("not sealed with the cluster's key for this logbook")
	// ErrMalformed means that a server sealed what cannot be read.
	ErrMalformed = errors.New("malformed entry")
)

// VersionError means that a newer server published the entry.
type VersionError struct {
	Version int
	Kind    Kind
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("an entry %q of version %d, this server reads version %d", e.Kind, e.Version, Version)
}

// Key seals the entries of one logbook. It may be used by several goroutines at once.
type Key struct{ macs *sync.Pool } // of hash.Hash, with the key in them: that takes as long as an entry

// NewKey derives the key of a logbook from the secret that all servers of the cluster
// have.
func NewKey(secret []byte, logbookID string) Key {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("sealpost replicated log " + logbookID))
	key := mac.Sum(nil)
	return Key{&sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

func (k Key) mac(text []byte) []byte {
	mac := k.macs.Get().(hash.Hash)
	defer k.macs.Put(mac)
	mac.Reset()
	mac.Write(text)
	return mac.Sum(nil)
}

// Seal returns an entry. The body is copied.
func (k Key) Seal(h Header, body []byte) ([]byte, error) {
	h.V = Version
	header, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(header) > maxHeader {
		return nil, fmt.Errorf("%w: a header of %d bytes", ErrMalformed, len(header))
	}
	data := make([]byte, 0, lengthSize+len(header)+len(body)+macSize)
	data = binary.BigEndian.AppendUint32(data, uint32(len(header)))
	data = append(append(data, header...), body...)
	return append(data, k.mac(data)...), nil
}

// Open returns the header of an entry, and its body, which is a part of data. The error
// is ErrForged, ErrMalformed or a *VersionError.
func (k Key) Open(data []byte) (h Header, body []byte, err error) {
	end := len(data) - macSize
	if end < lengthSize || !hmac.Equal(data[end:], k.mac(data[:end])) {
		return Header{}, nil, ErrForged
	}
	length := uint64(binary.BigEndian.Uint32(data))
	text := data[lengthSize:end]
	if length > uint64(len(text)) || length > maxHeader {
		return Header{}, nil, fmt.Errorf("%w: the header is longer than the entry", ErrMalformed)
	}
	header, body := text[:length], text[length:]
	if err := strictjson.Unmarshal(header, &h); err != nil || h.V != Version {
		return Header{}, nil, unread(header, err)
	}
	return h, body, h.checkKind()
}

// unread is why a header cannot be read. A newer server may use words that this one does not
// know.
func unread(header []byte, why error) error {
	var of struct {
		V    int  `json:"v"`
		Kind Kind `json:"kind"`
	}
	if err := json.Unmarshal(header, &of); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if of.V != Version {
		return &VersionError{Version: of.V, Kind: of.Kind}
	}
	return fmt.Errorf("%w: %w", ErrMalformed, why)
}

// checkKind expects the one field of the kind.
func (h *Header) checkKind() error {
	right, fields := false, 0
	for _, field := range []struct {
		of  Kind
		set bool
	}{
		{KindMessage, h.Message != nil},
		{KindChunk, h.Chunk != nil},
		{KindSettings, h.Settings != nil},
		{KindServers, h.Servers != nil},
		{KindNote, h.Note != nil},
		{KindMark, h.Mark != nil},
		{KindImport, h.Import != nil},
		{KindRetire, h.Retire != nil},
	} {
		if field.set {
			fields++
			right = right || field.of == h.Kind
		}
	}
	if !right || fields != 1 {
		return fmt.Errorf("%w: not the one field of the kind %q", ErrMalformed, message.Cut(string(h.Kind), 20))
	}
	return nil
}
