package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// volume is a log volume as a server without a fault would leave it, for tests
// to damage.
type volume struct {
	t       *testing.T
	dir     string
	ledger  *Ledger
	entries []logfile.Entry
}

func newVolume(t *testing.T, messages int) *volume {
	v := &volume{t: t, dir: t.TempDir(), ledger: New()}
	if err := os.Mkdir(logs(v.dir, ""), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range messages {
		v.keep(uint64(i), Message{Sender: "store-17", ID: message.ID{1, byte(i)}}, fmt.Sprintf("text of %d\n", i))
	}
	v.writeManifest()
	for _, e := range v.entries {
		v.ledger.Receipt(e)
	}
	return v
}

// keep writes the log file of a message that was offered.
func (v *volume) keep(seq uint64, m Message, text string) {
	m.Content = Content{Name: "a.txt", Cipher: message.None, Size: uint64(len(text)), SHA256: sha256.Sum256([]byte(text))}
	v.ledger.Offer(m)
	at := time.Unix(1, 0).UTC()
	layout := logfile.NewLayout(logfile.Head{ReceivedAt: at, Size: m.Size, Cipher: m.Cipher, Sender: m.Sender,
		Name: m.Name, ID: m.ID}, 0)
	file := bytes.Join([][]byte{layout.Header(), []byte(text), layout.Trailer()}, nil)
	v.write(logfile.FileName(seq), file)
	v.entries = append(v.entries, logfile.Entry{
		V: 1, Seq: seq, File: logfile.FileName(seq), ID: m.ID, Sender: m.Sender, Name: m.Name, Cipher: m.Cipher,
		ReceivedAt: at, Size: m.Size, SHA256: m.SHA256, FileSize: uint64(len(file)), FileSHA256: sha256.Sum256(file),
	})
}

func (v *volume) write(name string, text []byte) {
	v.t.Helper()
	err := os.MkdirAll(filepath.Dir(logs(v.dir, name)), 0o755)
	if err == nil {
		err = os.WriteFile(logs(v.dir, name), text, 0o644)
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *volume) move(seq uint64, to string) {
	v.t.Helper()
	v.write(to, v.read(logfile.FileName(seq)))
	v.remove(logfile.FileName(seq))
}

func (v *volume) writeManifest() {
	v.t.Helper()
	var text bytes.Buffer
	for _, e := range v.entries {
		fmt.Fprintln(&text, describe(e))
	}
	v.write(logfile.ManifestName, text.Bytes())
}

func (v *volume) read(name string) []byte {
	v.t.Helper()
	text, err := os.ReadFile(logs(v.dir, name))
	if err != nil {
		v.t.Fatal(err)
	}
	return text
}

func (v *volume) remove(name string) {
	v.t.Helper()
	if err := os.Remove(logs(v.dir, name)); err != nil {
		v.t.Fatal(err)
	}
}

func (v *volume) audit() Report {
	v.t.Helper()
	r, err := v.ledger.Audit(v.dir)
	if err != nil {
		v.t.Fatal(err)
	}
	return r
}

func TestAuditOfASoundVolume(t *testing.T) {
	v := newVolume(t, 3)
	if err := v.ledger.Poller(v.dir).Look(); err != nil {
		t.Fatal(err)
	}
	v.ledger.Offer(Message{Sender: "store-17", ID: message.ID{9}}) // never receipted, not there
	if got := strings.Join(v.audit().Row(), " "); got != "4 3 3 0 0 0 ok" {
		t.Errorf("%s\n%v", got, v.audit().Findings)
	}
}

// TestAuditOfAShardedVolume: where the layout changed, each file lies where its line
// says.
func TestAuditOfAShardedVolume(t *testing.T) {
	v := newVolume(t, 3)
	v.keep(3, Message{Sender: "store-17", ID: message.ID{1, 3}}, "in a shard directory\n")
	v.move(3, logfile.ShardedPath(3))
	v.entries[3].File = logfile.ShardedPath(3)
	v.writeManifest()
	v.ledger.Receipt(v.entries[3])
	if err := v.ledger.Poller(v.dir).Look(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(v.audit().Row(), " "); got != "4 4 4 0 0 0 ok" {
		t.Errorf("%s\n%v", got, v.audit().Findings)
	}
}

// TestAuditFinds damages a volume of three messages in every way that a fault
// may, and the audit must name each.
func TestAuditFinds(t *testing.T) {
	file := logfile.FileName(1)
	for name, test := range map[string]struct {
		damage func(v *volume)
		want   []Kind
	}{
		"a lost file": {func(v *volume) { v.remove(file) }, []Kind{Lost, Gap}},
		"a lost message": {func(v *volume) { v.remove(logfile.FileName(2)); v.entries = v.entries[:2]; v.writeManifest() },
			[]Kind{Lost}},
		"a lost line":     {func(v *volume) { v.entries = v.entries[:2]; v.writeManifest() }, []Kind{Lost, Gap}},
		"an empty file":   {func(v *volume) { v.write(file, nil) }, []Kind{Lost, HalfWritten, Gap}},
		"a cut file":      {func(v *volume) { v.write(file, v.read(file)[:200]) }, []Kind{Lost, HalfWritten, Gap}},
		"a flipped bit":   {flipLast, []Kind{Lost, HalfWritten}},
		"zeros for bytes": {zeros, []Kind{Lost, HalfWritten}},
		"a gap": {func(v *volume) { v.entries = append(v.entries[:1], v.entries[2]); v.writeManifest() },
			[]Kind{Lost, Gap}},
		"a torn last line": {func(v *volume) { tear(v) }, []Kind{Lost, Gap}},
		"a second line":    {func(v *volume) { again(v, 3, 1, false) }, []Kind{Doubled}},
		"a second file":    {func(v *volume) { again(v, 3, 1, true) }, []Kind{Doubled}},
		"a number used twice": {func(v *volume) { v.entries[2].Seq, v.entries[2].File = 1, file; v.writeManifest() },
			[]Kind{Lost, Doubled, HalfWritten, Gap}},
		"another time": {func(v *volume) { v.entries[1].ReceivedAt = time.Unix(2, 0); v.writeManifest() },
			[]Kind{Lost, Altered}},
		"another receipt": {func(v *volume) {
			e := v.entries[1]
			e.ReceivedAt = time.Unix(2, 0)
			v.ledger.Receipt(e)
		}, []Kind{Altered}},
		"a receipt for nothing":     {func(v *volume) { e := v.entries[1]; e.ID[5]++; v.ledger.Receipt(e) }, []Kind{Altered}},
		"a message of nobody":       {unsent, []Kind{Unsent}},
		"a message that is refused": {func(v *volume) { refuse(v) }, []Kind{Lost, Unsent}},
		"a stray file":              {func(v *volume) { v.write("x.tmp", nil) }, []Kind{Unsent}},
		"a stray file in a shard":   {func(v *volume) { v.write("000000/x.tmp", nil) }, []Kind{Unsent}},
		"a file in the wrong shard": {func(v *volume) { v.move(1, "000001/"+file) }, []Kind{Lost, Gap, Unsent}},
		"a file in the other place": {func(v *volume) { v.move(1, logfile.ShardedPath(1)) }, []Kind{Lost, Gap}},
		"a file in both places": {func(v *volume) { v.write(logfile.ShardedPath(1), v.read(file)) },
			[]Kind{Lost, Gap, Unsent}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVolume(t, 3)
			test.damage(v)
			expect(t, v.audit(), test.want)
		})
	}
}

// expect compares the kinds found with those wanted.
func expect(t *testing.T, r Report, want []Kind) {
	t.Helper()
	wanted := make(map[Kind]bool)
	for _, kind := range want {
		wanted[kind] = true
	}
	for kind := range kindNames {
		if found := r.Count(Kind(kind)) > 0; found != wanted[Kind(kind)] {
			t.Errorf("%s: found %v, want %v", Kind(kind), found, !found)
		}
	}
	if t.Failed() {
		t.Log(r.Findings)
	}
}

func flipLast(v *volume) {
	text := v.read(logfile.FileName(1))
	text[len(text)-3] ^= 1
	v.write(logfile.FileName(1), text)
}

// zeros is what a file system shows whose journal had the size and not the data.
func zeros(v *volume) {
	text := v.read(logfile.FileName(1))
	clear(text[len(text)-8 : len(text)-1])
	v.write(logfile.FileName(1), text)
}

func tear(v *volume) {
	text := v.read(logfile.ManifestName)
	v.write(logfile.ManifestName, text[:len(text)-1])
}

// again keeps message number old once more, under the next number.
func again(v *volume, next, old uint64, newFile bool) {
	e := v.entries[old]
	e.Seq, e.File = next, logfile.FileName(next)
	v.entries = append(v.entries, e)
	if newFile {
		v.write(e.File, v.read(logfile.FileName(old)))
	}
	v.writeManifest()
}

func unsent(v *volume) {
	m := Message{Sender: "store-17", ID: message.ID{7}}
	v.keep(3, m, "from nobody\n")
	delete(v.ledger.accounts, key{m.Sender, m.ID})
	v.writeManifest()
}

func refuse(v *volume) {
	e := v.entries[1]
	v.ledger.Refuse(Message{Sender: e.Sender, ID: e.ID, Content: contentOf(e)})
}

// TestSameVolumes: what one volume has and the other has not, or has otherwise, is found;
// what is each server's own is not compared.
func TestSameVolumes(t *testing.T) {
	for name, test := range map[string]struct {
		change func(v *volume)
		want   []Kind
	}{
		"nothing":        {func(*volume) {}, nil},
		"its own":        {func(v *volume) { v.write(logfile.CheckpointName, []byte("another")) }, nil},
		"a retired note": {func(v *volume) { v.write(logfile.RetiredName, []byte("another")) }, []Kind{Differing}},
		"a lost file":    {func(v *volume) { v.remove(logfile.FileName(1)) }, []Kind{Lost, Gap, Differing}},
		"a lost line": {func(v *volume) { v.entries = v.entries[:2]; v.writeManifest() },
			[]Kind{Lost, Gap, Differing}},
	} {
		t.Run(name, func(t *testing.T) {
			first := newVolume(t, 3)
			other := *first
			other.dir = t.TempDir()
			if err := os.CopyFS(other.dir, os.DirFS(first.dir)); err != nil {
				t.Fatal(err)
			}
			test.change(&other)
			r, err := first.ledger.AuditSame(first.dir, other.dir)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, r, test.want)
		})
	}
}
