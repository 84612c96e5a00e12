// Package drivertest makes what the driver's tests collect: log volumes as a
// server leaves them, and FTP servers that serve them over real sockets.
package drivertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// Volume is a directory of log files with their manifest, and the server that
// writes them.
type Volume struct {
	Dir     string
	Entries []logfile.Entry
	Server  *identity.Identity
	Logbook string // its id
	Sharded bool   // messages added from now on lie in shard directories
	t       testing.TB
}

// NewVolume makes an empty volume with an empty manifest.
func NewVolume(t testing.TB) *Volume {
	t.Helper()
	v := &Volume{Dir: t.TempDir(), Server: NewIdentity(t), Logbook: logbookID, t: t}
	v.Write(logfile.ManifestName, nil)
	return v
}

// Add writes the log file and the manifest line of a message without cipher.
func (v *Volume) Add(name string, body []byte) logfile.Entry {
	v.t.Helper()
	return v.addMessage(name, body, nil)
}

// AddEnciphered is Add for a message with the 2012 cipher.
func (v *Volume) AddEnciphered(name string, body []byte, password string) logfile.Entry {
	v.t.Helper()
	return v.addMessage(name, body, cipher2012.Encrypt(cipher2012.DeriveKey(password), body))
}

func (v *Volume) addMessage(name string, body, ciphertext []byte) logfile.Entry {
	v.t.Helper()
	e := v.entry(name, body, ciphertext)
	file := render(v.t, e, body, ciphertext)
	e.FileSize, e.FileSHA256 = uint64(len(file)), sha256.Sum256(file)
	v.Write(e.File, file)
	v.Append(v.Line(e) + "\n")
	v.Entries = append(v.Entries, e)
	return e
}

// Replace gives message number seq another text: log file and manifest line
// agree with each other, and no more with what was signed.
func (v *Volume) Replace(seq int, body []byte) {
	v.t.Helper()
	e := v.Entries[seq]
	e.Size, e.EncryptedSize, e.SHA256, e.Cipher = uint64(len(body)), 0, sha256.Sum256(body), message.None
	file := render(v.t, e, body, nil)
	e.FileSize, e.FileSHA256 = uint64(len(file)), sha256.Sum256(file)
	v.Write(e.File, file)
	v.SetManifest(strings.Replace(v.Manifest(), v.Line(v.Entries[seq])+"\n", v.Line(e)+"\n", 1))
	v.Entries[seq] = e
}

func (v *Volume) entry(name string, body, ciphertext []byte) logfile.Entry {
	seq := uint64(len(v.Entries))
	file := logfile.FileName(seq)
	if v.Sharded {
		file = logfile.ShardedPath(seq)
	}
	e := logfile.Entry{
		V: 1, Seq: seq, File: file, ID: message.NewID(),
		Sender: "store-17", Name: name, Cipher: message.None,
		ReceivedAt: time.Date(2012, 7, 22, 20, 44, 41, int(seq), time.UTC),
		Size:       uint64(len(body)), EncryptedSize: uint64(len(ciphertext)), SHA256: sha256.Sum256(body),
	}
	if ciphertext != nil {
		e.Cipher = message.Cipher2012
	}
	return e
}

func render(t testing.TB, e logfile.Entry, body, ciphertext []byte) []byte {
	t.Helper()
	layout := logfile.NewLayout(logfile.Head{
		ReceivedAt: e.ReceivedAt, Size: e.Size, EncryptedSize: e.EncryptedSize,
		Cipher: e.Cipher, Sender: e.Sender, Name: e.Name, ID: e.ID,
	}, 1<<20)
	var b bytes.Buffer
	b.Write(layout.Header())
	b.Write(body)
	b.Write(layout.Trailer())
	if layout.HasCiphertext() {
		if _, err := base64.StdEncoding.DecodeString(string(ciphertext)); err != nil {
			t.Fatal(err)
		}
		w := logfile.WrapBase64(&b)
		if _, err := w.Write(ciphertext); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// Line returns the manifest line of e, without its "\n".
func (v *Volume) Line(e logfile.Entry) string {
	v.t.Helper()
	line, err := e.Line()
	if err != nil {
		v.t.Fatal(err)
	}
	return string(line)
}

// Append puts text at the end of the manifest.
func (v *Volume) Append(text string) {
	v.t.Helper()
	v.SetManifest(v.Manifest() + text)
}

// Manifest returns the manifest as it stands.
func (v *Volume) Manifest() string { return string(v.Read(logfile.ManifestName)) }

// SetManifest replaces the manifest.
func (v *Volume) SetManifest(text string) {
	v.t.Helper()
	v.replace(logfile.ManifestName, []byte(text))
}

// replace is Write at once, for who looks meanwhile.
func (v *Volume) replace(name string, data []byte) {
	v.t.Helper()
	if err := durable.WriteFile(filepath.Join(v.Dir, name), data, 0o644); err != nil {
		v.t.Fatal(err)
	}
}

// Lines returns the first n lines of the manifest.
func (v *Volume) Lines(n int) string {
	return strings.Join(strings.SplitAfter(v.Manifest(), "\n")[:n], "")
}

// Read returns a file of the volume.
func (v *Volume) Read(name string) []byte {
	v.t.Helper()
	data, err := os.ReadFile(filepath.Join(v.Dir, name))
	if err != nil {
		v.t.Fatal(err)
	}
	return data
}

// Remove deletes a file of the volume.
func (v *Volume) Remove(name string) {
	v.t.Helper()
	if err := os.Remove(filepath.Join(v.Dir, name)); err != nil {
		v.t.Fatal(err)
	}
}

// Write replaces a file of the volume.
func (v *Volume) Write(name string, data []byte) {
	v.t.Helper()
	path := filepath.Join(v.Dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		v.t.Fatal(err)
	}
}
