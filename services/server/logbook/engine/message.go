package engine

import (
	"os"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/shared/logfile"
)

// Message is a complete message on its way through the committer. Its number is
// its place in the order of the queue.
type Message struct {
	Draft    logbook.Draft
	Received time.Time
	Position uint64 // in a stream that orders messages from outside; 0: there is none
	Row      *Row   // of those that are kept in this order; nil: it is kept whatever becomes of others
	Body     Body
	// Then hears once what became of it, from the committer: it must not wait for
	// anything.
	Then func(logbook.Facts, error)

	file    File
	entry   logfile.Entry
	line    []byte
	named   bool       // a record that is not void may still name its staged file
	waiting []*Message // others of its id, which wait for its outcome, in order of arrival
}

// Body is the log file of a message.
type Body interface {
	// Weight is how many bytes count for it while it waits.
	Weight() int64
	// InFile reports whether Complete has nothing left to write.
	InFile() bool
	// Complete brings all of it into its staged file. Its error is what the
	// sender hears.
	Complete() (File, error)
	// Release closes the file, removes it unless it is kept, and gives its room
	// back. It is called once, and last.
	Release(keep bool)
}

// File is a staged log file that has all its bytes, flushed or not.
type File struct {
	*os.File
	Name   string // below the volume
	Size   uint64
	SHA256 logfile.Digest
}

func (m *Message) key() index.Key { return index.Key{Sender: m.Draft.Sender, ID: m.Draft.ID} }

// complete has the message in its file.
func (m *Message) complete() (err error) {
	m.file, err = m.Body.Complete()
	return err
}

// number gives the message its number and the path of its log file, and returns the
// record of it.
func (m *Message) number(seq uint64, file string) (wal.Record, error) {
	d := m.Draft
	m.entry = logfile.Entry{
		V: 1, Seq: seq, File: file, ID: d.ID, Sender: d.Sender, Name: d.Name, Cipher: d.Cipher,
		ReceivedAt: m.Received.UTC(), Size: d.Size, EncryptedSize: d.EncryptedSize, SHA256: d.SHA256,
		FileSize: m.file.Size, FileSHA256: m.file.SHA256,
	}
	var err error
	m.line, err = m.entry.Line()
	return wal.Record{Staged: m.file.Name, Line: string(m.line), Position: m.Position}, err
}

// facts are those of a message that is kept.
func (m *Message) facts() logbook.Facts { return logbook.Facts{Entry: m.entry, Line: m.line} }
