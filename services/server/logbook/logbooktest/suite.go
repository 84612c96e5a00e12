// Package logbooktest is the suite that every implementation of
// logbook.Logbook passes.
package logbooktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/digest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// Fixture is one place where a logbook can be kept.
type Fixture struct {
	// Open opens the logbook; after its Close, Open gives the same one again.
	Open func(t *testing.T) logbook.Logbook
	// File opens the log file of an entry as a poller sees it.
	File func(t *testing.T, e logfile.Entry) (io.ReaderAt, int64)
	// Manifest returns the manifest as a poller sees it.
	Manifest func(t *testing.T) []byte
}

// Run runs the suite; fixture gives a fresh place each time.
func Run(t *testing.T, fixture func(t *testing.T) Fixture) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Fixture)
	}{
		{"contents come back", contents},
		{"numbers have no gaps", numbers},
		{"entries are listed", entries},
		{"repeats", repeats},
		{"repeats at once", repeatsAtOnce},
		{"conflicts", conflicts},
		{"mismatches", mismatches},
		{"restart", restart},
		{"discard", discard},
		{"suspend", suspend},
		{"scratch", scratch},
		{"closed", closedBook},
		{"cancelled before commit", cancelled},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fixture(t)) })
	}
}

// Draft declares content sent by sender under a fresh id.
func Draft(sender string, content []byte) logbook.Draft {
	return logbook.Draft{
		ID: message.NewID(), Sender: sender, Name: "report.txt", Cipher: message.None,
		Size: uint64(len(content)), SHA256: sha256.Sum256(content),
	}
}

// Append brings one message into book, and waits for its answer as long as a test
// does.
func Append(ctx context.Context, book logbook.Logbook, d logbook.Draft, content []byte) (logbook.Facts, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, Patience, ErrUnanswered)
	defer cancel()
	staged, err := Stage(ctx, book, d, content)
	if err != nil {
		return logbook.Facts{}, err
	}
	return logbook.Append(ctx, staged)
}

// Stage brings one message to where it can be committed.
func Stage(ctx context.Context, book logbook.Logbook, d logbook.Draft, content []byte) (logbook.Staged, error) {
	staged, err := book.Stage(ctx, d)
	if err != nil {
		return nil, err
	}
	_, err = staged.Write(content)
	if err == nil && d.Cipher == message.Cipher2012 {
		_, err = staged.WriteCiphertext(cipher2012.Encrypt(cipher2012.Key{1}, content))
	}
	if err != nil {
		staged.Discard()
		return nil, err
	}
	return staged, nil
}

func mustAppend(t *testing.T, book logbook.Logbook, d logbook.Draft, content []byte) logbook.Facts {
	t.Helper()
	facts, err := Append(t.Context(), book, d, content)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func contents(t *testing.T, fx Fixture) {
	book := fx.Open(t)
	for i, content := range [][]byte{
		nil, []byte("x"), bytes.Repeat([]byte("y"), 32), []byte("a\r\nb\x00\xff"),
		[]byte("-----\nENCRYPTED MESSAGE CONTENT\n-----\n\n"), bytes.Repeat([]byte("long "), 1<<18),
	} {
		plain := Draft("a", content)
		enciphered := Draft("a", content)
		enciphered.Cipher, enciphered.EncryptedSize = message.Cipher2012, cipher2012.EncryptedLen(uint64(len(content)))
		for _, d := range []logbook.Draft{plain, enciphered} {
			facts := mustAppend(t, book, d, content)
			if !facts.Matches(d) || facts.Repeat {
				t.Errorf("content %d: facts %+v", i, facts)
			}
			checkFile(t, fx, facts.Entry, content)
		}
	}
	checkManifest(t, fx, 12)
}

func checkFile(t *testing.T, fx Fixture, e logfile.Entry, content []byte) {
	t.Helper()
	r, size := fx.File(t, e)
	_, sum, err := digest.Of(io.NewSectionReader(r, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	if uint64(size) != e.FileSize || sum != e.FileSHA256 {
		t.Errorf("%s: the file is not the one its line describes", e.File)
	}
	parsed, err := logfile.Parse(r, size)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(parsed.Plain())
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%s: content came back changed (%v)", e.File, err)
	}
	if e.Cipher != message.Cipher2012 || parsed.CiphertextLeftOut {
		return
	}
	text, err := io.ReadAll(parsed.Ciphertext())
	if err != nil || !bytes.Equal(text, cipher2012.Encrypt(cipher2012.Key{1}, content)) {
		t.Errorf("%s: ciphertext came back changed (%v)", e.File, err)
	}
}

// checkManifest checks that the manifest has n sound lines in order.
func checkManifest(t *testing.T, fx Fixture, n int) []logfile.Entry {
	t.Helper()
	lines := bytes.SplitAfter(fx.Manifest(t), []byte("\n"))
	if len(lines) != n+1 || len(lines[n]) != 0 {
		t.Fatalf("manifest has %d lines, expected %d", len(lines)-1, n)
	}
	entries := make([]logfile.Entry, n)
	for i := range entries {
		e, err := logfile.ParseLine(bytes.TrimSuffix(lines[i], []byte("\n")))
		if err != nil || e.Seq != uint64(i) {
			t.Fatalf("line %d: number %d, %v", i, e.Seq, err)
		}
		entries[i] = e
	}
	return entries
}

func numbers(t *testing.T, fx Fixture) {
	book := fx.Open(t)
	const senders, each = 8, 25
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				content := fmt.Appendf(nil, "message %d of %d", i, s)
				if _, err := Append(t.Context(), book, Draft(fmt.Sprint(s), content), content); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, e := range checkManifest(t, fx, senders*each) {
		if _, size := fx.File(t, e); uint64(size) != e.FileSize {
			t.Errorf("%s: %d bytes instead of %d", e.File, size, e.FileSize)
		}
	}
}
