package outbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

const testLogbook = "0123456789abcdef0123456789abcdef"

// ledger stands for the server: a directory that many processes share, with
// one file for each id ever accepted. An id that comes again must bring the
// same content, and gets the same receipt.
type ledger struct {
	dir  string
	step func(string)
}

func (l ledger) deliver(_ context.Context, m courier.Message) (courier.Delivery, error) {
	l.step("offered")
	body, err := m.Open()
	if err != nil {
		return courier.Delivery{}, &courier.ReadError{Name: m.Name, Cause: err}
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		return courier.Delivery{}, &courier.ReadError{Name: m.Name, Cause: err}
	}
	if uint64(len(content)) != m.Size || sha256.Sum256(content) != m.SHA256 {
		return courier.Delivery{}, &courier.ReadError{Name: m.Name, Cause: errors.New("not as declared")}
	}
	row := append([]byte(m.Name+"\n"+string(m.Cipher)+"\n"), content...)
	if err := l.enter(m.ID, row); err != nil {
		return courier.Delivery{}, err
	}
	l.step("accepted")
	return courier.Delivery{Receipt: receiptFor(m.ID), Entry: logfile.Entry{ID: m.ID, Name: m.Name}}, nil
}

func (l ledger) enter(id message.ID, row []byte) error {
	lock, err := durable.Lock(filepath.Join(l.dir, ".lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	path := filepath.Join(l.dir, id.String())
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return durable.WriteFile(path, row, 0o600) // whole or not at all: we may be killed here
	case err != nil:
		return err
	case !bytes.Equal(old, row):
		return &courier.RefusalError{Code: framing.CodeIDConflict, Of: courier.OfMessage, Reason: "other content"}
	}
	return nil
}

// receiptFor is a receipt by its form, which nobody has signed.
func receiptFor(id message.ID) []byte {
	line, err := logfile.Entry{
		V: 1, ID: id, Sender: "store-17", Name: "n", Cipher: message.None, File: logfile.FileName(0),
	}.Line()
	if err != nil {
		panic(err)
	}
	text, err := receipt.New(0, line, nil, []byte("checkpoint\n"))
	if err != nil {
		panic(err)
	}
	return text
}

func idOfReceipt(text string) (message.ID, error) {
	line, err := receipt.LineOf([]byte(text))
	if err != nil {
		return message.ID{}, err
	}
	entry, err := logfile.ParseLine(line)
	return entry.ID, err
}

// rows returns what was accepted: name, newline, cipher, newline, content.
func (l ledger) rows(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, e := range entries {
		if _, err := message.ParseID(e.Name()); err == nil {
			rows = append(rows, readFile(t, filepath.Join(l.dir, e.Name())))
		}
	}
	return rows
}

// bench is an outbox with its ledger.
type bench struct {
	*testing.T
	dir    string
	ledger ledger
}

func newBench(t *testing.T) bench {
	t.Helper()
	return bench{T: t, dir: t.TempDir(), ledger: ledger{dir: t.TempDir(), step: func(string) {}}}
}

// put puts files in as they should be: written elsewhere, then renamed.
func (b bench) put(files map[string]string) {
	b.Helper()
	for name, content := range files {
		temp := filepath.Join(b.dir, ".put")
		if err := os.WriteFile(temp, []byte(content), 0o644); err != nil {
			b.Fatal(err)
		}
		path := filepath.Join(b.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Rename(temp, path)); err != nil {
			b.Fatal(err)
		}
	}
}

func manyFiles(n int) map[string]string {
	files := make(map[string]string, n)
	for i := range n {
		files[fmt.Sprintf("message %03d.txt", i)] = fmt.Sprintf("content of %d\n", i)
	}
	return files
}

func (b bench) config() Config {
	return Config{
		Dir: b.dir, Sender: "store-17", Deliver: b.ledger.deliver,
		Logbook: func(context.Context) (string, error) { return testLogbook, nil },
	}
}

func (b bench) run(cfg Config) Outcome {
	b.Helper()
	out, err := Run(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// onlySent checks the end of a run in which all went well: every file accepted
// exactly once, each in sent with its receipt, and nothing else.
func (b bench) onlySent(files map[string]string, cipher message.Cipher) {
	b.Helper()
	b.accepted(files, cipher)
	b.empty(box.Sending)
	b.empty(box.Refused)
	for _, name := range b.names("") {
		if name != box.Sent && name != box.Refused && !b.stays(name, files) {
			b.Errorf("left in the outbox: %q", name)
		}
	}
	sent := b.sent()
	if len(sent) != len(files) {
		b.Errorf("%d messages in sent, want %d", len(sent), len(files))
	}
	for id, content := range sent {
		row := readFile(b.T, filepath.Join(b.ledger.dir, id.String()))
		if name, want, _ := strings.Cut(row, "\n"+string(cipher)+"\n"); files[name] != content || want != content {
			b.Errorf("%q lies in sent with %q, and was sent as %q", name, content, want)
		}
	}
}

// stays reports whether a directory that messages came from is empty.
func (b bench) stays(name string, files map[string]string) bool {
	empty := false
	for file := range files {
		if empty = strings.HasPrefix(file, name+"/"); empty {
			break
		}
	}
	err := filepath.WalkDir(filepath.Join(b.dir, name), func(_ string, e fs.DirEntry, err error) error {
		empty = empty && err == nil && e.IsDir()
		return nil
	})
	return empty && err == nil
}

// sent returns the messages in sent, by the ids in their receipts.
func (b bench) sent() map[message.ID]string {
	b.Helper()
	ends := b.ends(box.Sent)
	found := make(map[message.ID]string)
	for path, text := range ends {
		stem, isReceipt := strings.CutSuffix(path, receipt.FileSuffix)
		if !isReceipt {
			if _, ok := ends[path+receipt.FileSuffix]; !ok {
				b.Errorf("%s has no receipt", path)
			}
			continue
		}
		id, err := idOfReceipt(text)
		if err != nil {
			b.Fatalf("%s: %q", path, text)
		}
		content, ok := ends[stem]
		if !ok {
			b.Errorf("%s lies alone", path)
		}
		found[id] = content
	}
	return found
}

// ends returns what lies in the days of sent or refused, by path.
func (b bench) ends(place string) map[string]string {
	b.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(filepath.Join(b.dir, place), func(path string, e fs.DirEntry, err error) error {
		// Names with a dot are of a client that died before it had a name for it.
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			return err
		}
		if found[path] = ""; e.Type().IsRegular() {
			found[path] = readFile(b.T, path)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.Fatal(err)
	}
	return found
}

func (b bench) accepted(files map[string]string, cipher message.Cipher) {
	b.Helper()
	times := make(map[string]int)
	for _, row := range b.ledger.rows(b.T) {
		times[row]++
	}
	for name, content := range files {
		row := name + "\n" + string(cipher) + "\n" + content
		if times[row] != 1 {
			b.Errorf("%q accepted %d times", name, times[row])
		}
		delete(times, row)
	}
	for row := range times {
		b.Errorf("accepted, but never sent: %q", row)
	}
}

func (b bench) all(parts ...string) []string {
	b.Helper()
	entries, err := os.ReadDir(filepath.Join(append([]string{b.dir}, parts...)...))
	if err != nil {
		b.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// names lists a directory of the outbox without what may always lie there.
func (b bench) names(dir string) []string {
	b.Helper()
	var names []string
	for _, name := range b.all(dir) {
		switch name {
		case ".logbook", ".logbook.lock", ".resend.lock", box.Sending:
		default:
			names = append(names, name)
		}
	}
	return names
}

func (b bench) empty(dir string) {
	b.Helper()
	if names := b.names(dir); len(names) > 0 {
		b.Errorf("%s holds %q, want nothing", dir, names)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
