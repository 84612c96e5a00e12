package logfile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/vectortest"
)

// The oracle is the manifest line by way of encoding/json: slow, and easy to
// believe. Line and ParseLine must agree with it on every line.

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func oracleLine(e logfile.Entry) string {
	return fmt.Sprintf(`{"v":%d,"seq":%d,"file":"%s","id":"%s","sender":"%s","name":"%s","cipher":"%s",`+
		`"received_at":"%s","size":%d,"encrypted_size":%d,"sha256":"%s","file_size":%d,"file_sha256":"%s"}`,
		e.V, e.Seq, escaper.Replace(e.File), e.ID, escaper.Replace(e.Sender), escaper.Replace(e.Name),
		escaper.Replace(string(e.Cipher)), e.ReceivedAt.UTC().Format("2006-01-02T15:04:05.000000000Z"),
		e.Size, e.EncryptedSize, e.SHA256, e.FileSize, e.FileSHA256)
}

// oracleParse accepts what is written again byte for byte.
func oracleParse(line []byte) (logfile.Entry, bool) {
	var e logfile.Entry
	if len(line) > logfile.MaxLine || !utf8.Valid(line) {
		return e, false
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return logfile.Entry{}, false
	}
	e.ReceivedAt = e.ReceivedAt.UTC()
	if _, err := e.Line(); err != nil || oracleLine(e) != string(line) {
		return logfile.Entry{}, false
	}
	return e, true
}

func checkOracle(t *testing.T, line []byte) {
	t.Helper()
	got, err := logfile.ParseLine(line)
	if want, ok := oracleParse(line); ok != (err == nil) || got != want {
		t.Fatalf("%q is read as %+v, %v, by the oracle as %+v, %t", line, got, err, want, ok)
	}
}

// alter replaces, inserts or takes away one byte.
func alter(line []byte, how uint8, at uint16, by byte) []byte {
	i := int(at) % len(line)
	tail := line[i:]
	if how%3 != 1 {
		tail = line[i+1:]
	}
	altered := bytes.Clone(line[:i])
	if how%3 != 2 {
		altered = append(altered, by)
	}
	return append(altered, tail...)
}

// TestOracle alters every byte of the vectors. Those that share a place in the
// line share the bytes that are put there: each tries a third of them.
func TestOracle(t *testing.T) {
	for n, v := range vectortest.Read(t, "testdata/lines") {
		checkOracle(t, v.Body)
		if v.Header["expect"] != "success" {
			continue
		}
		for at := range v.Body {
			for how := range uint8(3) {
				for i, by := range []byte("\x00\n \"+-,.\\059:aAfTZ{}\x80\xff") {
					if (n+at+i)%3 != 0 && how != 2 {
						continue
					}
					checkOracle(t, alter(v.Body, how, uint16(at), by))
					if how == 2 {
						break // nothing is put in
					}
				}
			}
		}
	}
}

// FuzzAltered: the lines of all kinds of entries, and lines a few bytes away
// from these, which FuzzLine seldom makes. Four bytes of changes make one, up
// to eight of them.
func FuzzAltered(f *testing.F) {
	f.Add(uint64(3), "store-17", `a "name" \ Größe`, int64(1e9), int64(7), uint64(107), uint64(172),
		[]byte("\x00\x00\x090"))
	f.Add(uint64(1<<64-1), "-", "", int64(-62167219200), int64(0), uint64(1<<64-1), uint64(0),
		[]byte("\x01\x00\x21\\\x02\x01\x00"))
	f.Fuzz(func(t *testing.T, seq uint64, sender, name string, sec, nsec int64, size, encrypted uint64, changes []byte) {
		e := made(seq, sender, name, time.Unix(sec, nsec), size, encrypted)
		line, err := e.Line()
		if err == nil && string(line) != oracleLine(e) {
			t.Fatalf("%s, the oracle writes %s", line, oracleLine(e))
		}
		line = []byte(oracleLine(e)) // also of what is refused
		checkOracle(t, line)
		for changes = changes[:min(len(changes), 8*4)]; len(changes) >= 4; changes = changes[4:] {
			line = alter(line, changes[0], uint16(changes[1])<<8|uint16(changes[2]), changes[3])
			checkOracle(t, line)
		}
	})
}

func made(seq uint64, sender, name string, at time.Time, size, encrypted uint64) logfile.Entry {
	e := logfile.Entry{
		V: 1, Seq: seq, File: logfile.FileName(seq), Sender: sender, Name: name, Cipher: message.None,
		ReceivedAt: at, Size: size, EncryptedSize: encrypted, FileSize: size ^ seq,
	}
	for i := range e.SHA256 {
		e.SHA256[i], e.FileSHA256[i] = byte(size>>i), byte(seq>>i)
	}
	copy(e.ID[:], e.SHA256[:])
	if encrypted > 0 {
		e.Cipher = message.Cipher2012
	}
	return e
}
