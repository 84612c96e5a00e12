package python

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sealpost/services/driver/drivertest"
	"sealpost/shared/logfile"
)

// collected is a directory as the driver leaves it, and what an auditor keeps
// elsewhere: receipts and an older checkpoint.
type collected struct {
	*drivertest.Volume
	t        *testing.T
	receipts *drivertest.Outbox
	kept     string // the checkpoint of the first two messages
}

const messages = 5

func collect(t *testing.T) *collected {
	t.Helper()
	pythonOf(t)
	c := &collected{Volume: drivertest.NewVolume(t), t: t}
	c.receipts = drivertest.NewOutbox(t, c.Volume)
	bodies := [messages]string{"two barges in\n", "", strings.Repeat("a long line ", 20_000),
		"Message ID: none\n", "the last"}
	for i, body := range bodies {
		c.Sharded = i >= 3
		if name := fmt.Sprintf("report %d.txt", i); i%2 == 0 {
			c.AddEnciphered(name, []byte(body), "harbour")
		} else {
			c.Add(name, []byte(body))
		}
	}
	for i, body := range bodies {
		c.receipts.Sent(c.Entries[i], body)
	}
	c.PutCheckpoint(messages)
	c.kept = writeFile(t, "kept", []byte(c.SignCheckpoint(2)))
	return c
}

// audit runs the program over the directory and what its arguments name.
func (c *collected) audit(args ...string) (stdout, stderr string, status int) {
	c.t.Helper()
	return python(c.t, map[string]string{"CLIENT_SERVER_IDENTITY": c.Pins().String()}, "audit.py", append(args, c.Dir)...)
}

// all are the arguments that name everything kept elsewhere.
func (c *collected) all() []string {
	return []string{"--receipts", c.receipts.Dir, "--checkpoint", c.kept}
}

func TestAuditOfATrueDirectory(t *testing.T) {
	c := collect(t)
	for _, args := range [][]string{nil, c.all()} {
		stdout, stderr, status := c.audit(args...)
		if status != 0 || stderr != "" || !strings.HasPrefix(stdout, "5 lines, 5 of them vouched for; 5 log files") {
			t.Errorf("%q: status %d\n%s%s", args, status, stdout, stderr)
		}
	}
	c.PutCheckpoint(3) // it may lag behind the manifest
	stdout, stderr, status := c.audit()
	if status != 0 || !strings.HasPrefix(stdout, "5 lines, 3 of them") {
		t.Errorf("an older checkpoint: status %d\n%s%s", status, stdout, stderr)
	}
}

// TestAuditOfRetired: what the server's note names is counted, what another says is not believed.
func TestAuditOfRetired(t *testing.T) {
	c := collect(t)
	c.Retire(1, "0-1,3", 0, 1, 3)
	stdout, stderr, status := c.audit()
	if status != 0 || !strings.Contains(stdout, "; 2 log files, 3 retired, and") {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
	c.Write(logfile.RetiredName, []byte(strings.Replace(c.SignRetired(1, "0-1,3"), "\n3-3\n", "\n3-4\n", 1)))
	stdout, stderr, status = c.audit()
	if status != 1 || !strings.Contains(stderr, "retired: ") ||
		!strings.Contains(stderr, "server_message0.txt is missing") {
		t.Errorf("an altered one: status %d, %s%s", status, stdout, stderr)
	}
	logbook := c.Logbook
	c.Logbook = "ff" + logbook[2:]
	c.Retire(1, "0-1,3")
	c.Logbook = logbook
	if _, stderr, status = c.audit(); status != 1 || !strings.Contains(stderr, "of no logbook that signed this manifest") {
		t.Errorf("one of another logbook: status %d, %s", status, stderr)
	}
}

// TestAuditOfADirectoryThatFilesAreMovedFrom: what is away is counted where that
// is expected, and what the driver never had is named all the same.
func TestAuditOfADirectoryThatFilesAreMovedFrom(t *testing.T) {
	c := collect(t)
	for seq := range uint64(4) {
		c.Remove(c.Entries[seq].File)
	}
	stdout, stderr, status := c.audit("--moved")
	if status != 0 || stderr != "" ||
		!strings.HasPrefix(stdout, "5 lines, 5 of them vouched for; 1 log files, 4 moved away, and") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	c.Write("owed", []byte("0\n2-3\n"))
	stdout, stderr, status = c.audit("--moved")
	if status != 1 || strings.Count(stderr, " is owed, ") != 3 || strings.Contains(stderr, "line 1") ||
		!strings.Contains(stdout, "1 moved away") {
		t.Errorf("with a list: status %d\n%s%s", status, stdout, stderr)
	}
	c.Write("owed", []byte("2-x\n"))
	if _, stderr, status = c.audit("--moved"); status != 1 || !strings.Contains(stderr, "owed: ") {
		t.Errorf("with a list that is none: status %d\n%s", status, stderr)
	}
}

// replaced is a file with other bytes of the same size.
func replaced(file []byte) []byte { return bytes.ToUpper(file) }

// TestAuditFindsEachTampering: each of them with the first, an inner and the last
// message, named by number.
func TestAuditFindsEachTampering(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(c *collected, seq int)
		says string // %d: the number, %s: the path of its log file
	}{
		"missing file": {func(c *collected, seq int) { c.Remove(c.Entries[seq].File) },
			"line %d: %s is missing"},
		"altered file": {func(c *collected, seq int) { c.change(seq, replaced) },
			"line %d: %s is altered: its SHA-256"},
		"longer file": {func(c *collected, seq int) { c.change(seq, func(b []byte) []byte { return append(b, '\n') }) },
			"line %d: %s is altered: "},
		"file of another": {func(c *collected, seq int) {
			c.Write(c.Entries[seq].File, c.Read(c.Entries[(seq+1)%messages].File))
		}, "line %d: %s is altered: "},
		"altered line": {func(c *collected, seq int) {
			c.edit(seq, func(line string) string { return strings.Replace(line, "20:44:41", "20:44:40", 1) })
		}, "line %d is not the one in "},
		"line and file altered to fit": {func(c *collected, seq int) { c.Replace(seq, []byte("TEXT")) },
			"line %d is not the one in "},
		"line that is none": {func(c *collected, seq int) { c.edit(seq, func(string) string { return "{}" }) },
			"line %d: no manifest line"},
		"line of another number": {func(c *collected, seq int) {
			c.edit(seq, func(string) string { return c.Line(c.Entries[(seq+1)%messages]) })
		}, "line %d: it is that of message"},
		"altered message": {func(c *collected, seq int) {
			c.receipts.Put(drivertest.SentPath(c.Entries[seq]), "another")
		}, "not the message of its receipt, of line %d"},
		"altered receipt": {func(c *collected, seq int) {
			text := c.Receipt(c.Entries[seq])
			c.receipts.PutReceipt(c.Entries[seq], strings.Replace(text, "\nindex ", "\nindex 1", 1))
		}, "report %d.txt.tlog-proof: the proof does not lead"},
		"forged receipt": {func(c *collected, seq int) {
			c.receipts.PutReceipt(c.Entries[seq], c.ReceiptBy(drivertest.NewIdentity(c.t), c.Entries[seq]))
		}, "report %d.txt.tlog-proof: the signature is not of a pinned identity"},
	} {
		for _, seq := range []int{0, 2, messages - 1} {
			t.Run(fmt.Sprintf("%s %d", name, seq), func(t *testing.T) {
				t.Parallel()
				c := collect(t)
				test.do(c, seq)
				_, stderr, status := c.audit(c.all()...)
				says := func(seq int) string {
					return strings.NewReplacer("%d", fmt.Sprint(seq), "%s", c.Entries[seq].File).Replace(test.says)
				}
				if want := says(seq); status != 1 || !strings.Contains(stderr, want) {
					t.Errorf("status %d, want %q\n%s", status, want, stderr)
				}
				for other := range messages {
					if want := says(other); other != seq && strings.Contains(stderr, want) {
						t.Errorf("it blames message %d too:\n%s", other, stderr)
					}
				}
			})
		}
	}
}

func (c *collected) change(seq int, how func([]byte) []byte) {
	name := c.Entries[seq].File
	c.Write(name, how(c.Read(name)))
}

func (c *collected) edit(seq int, how func(line string) string) {
	lines := strings.SplitAfter(c.Manifest(), "\n")
	lines[seq] = how(strings.TrimSuffix(lines[seq], "\n")) + "\n"
	c.SetManifest(strings.Join(lines, ""))
}

// TestAuditFindsAlteredTrees: what only signatures show.
func TestAuditFindsAlteredTrees(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(c *collected)
		says []string
	}{
		"a line altered, with the checkpoint alone to show it": {func(c *collected) {
			c.Replace(3, []byte("TEXT"))
		}, []string{"5 lines were signed, and the manifest has others: a change in lines 2 to 4"}},
		"a line taken out": {func(c *collected) {
			c.SetManifest(strings.Replace(c.Manifest(), c.Line(c.Entries[3])+"\n", "", 1))
		}, []string{"line 3: it is that of message 4", "line 4 missing, of 5 signed",
			"000000/server_message4.txt: line 4 is missing"}},
		"the end cut off": {func(c *collected) {
			c.SetManifest(c.Lines(3))
		}, []string{"the manifest's end was cut off: lines 3 to 4 missing, of 5 signed",
			"000000/server_message3.txt: line 3 is missing"}},
		"the end cut off inside a line": {func(c *collected) {
			c.SetManifest(strings.TrimSuffix(c.Manifest(), "\n"))
		}, []string{"behind the last line are not a whole line", "line 4 missing, of 5 signed"}},
		"no manifest": {func(c *collected) { c.Remove(logfile.ManifestName) },
			[]string{"manifest.jsonl: No such file", "lines 0 to 4 missing, of 5 signed"}},
		"a forged checkpoint": {func(c *collected) {
			c.Server = drivertest.NewIdentity(c.t)
			c.PutCheckpoint(messages)
		}, []string{"checkpoint: the signature is not of a pinned identity"}},
		"a checkpoint that is none": {func(c *collected) { c.Write(logfile.CheckpointName, []byte("hello\n")) },
			[]string{"checkpoint: no signed note"}},
		"two lines exchanged": {func(c *collected) {
			one, two := c.Line(c.Entries[3]), c.Line(c.Entries[4])
			c.edit(3, func(string) string { return two })
			c.edit(4, func(string) string { return one })
		}, []string{"line 3: it is that of message 4", "line 4: it is that of message 3", "5 lines were signed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := collect(t)
			pins := c.Pins().String()
			test.do(c)
			_, stderr, status := python(t, map[string]string{"CLIENT_SERVER_IDENTITY": pins}, "audit.py",
				"--checkpoint", c.kept, c.Dir)
			if status != 1 {
				t.Errorf("status %d", status)
			}
			for _, words := range test.says {
				if !strings.Contains(stderr, words) {
					t.Errorf("it does not say %q:\n%s", words, stderr)
				}
			}
		})
	}
}

// TestAuditOfACutDirectory: cut back together with an older checkpoint it is
// true in itself. A receipt kept elsewhere shows it.
func TestAuditOfACutDirectory(t *testing.T) {
	c := collect(t)
	c.SetManifest(c.Lines(3))
	c.PutCheckpoint(3)
	for _, seq := range []uint64{3, 4} {
		c.Remove(c.Entries[seq].File)
	}
	if stdout, stderr, status := c.audit("--checkpoint", c.kept); status != 0 {
		t.Errorf("true in itself: status %d\n%s%s", status, stdout, stderr)
	}
	_, stderr, status := c.audit(c.all()...)
	for _, words := range []string{"report 4.txt.tlog-proof: the manifest's end was cut off: lines 3 to 4 missing, of 5",
		"report 3.txt.tlog-proof: line 3 is missing", "report 4.txt.tlog-proof: line 4 is missing"} {
		if status != 1 || !strings.Contains(stderr, words) {
			t.Errorf("status %d, it does not say %q:\n%s", status, words, stderr)
		}
	}
}

// TestAuditFindsASplitView: the server signed another manifest for another
// reader, whose receipt is at hand.
func TestAuditFindsASplitView(t *testing.T) {
	c := collect(t)
	c.Replace(1, []byte("for you alone"))
	c.PutCheckpoint(messages)
	if stdout, stderr, status := c.audit(); status != 0 {
		t.Errorf("one view alone: status %d\n%s%s", status, stdout, stderr)
	}
	_, stderr, status := c.audit("--receipts", c.receipts.Dir)
	for _, words := range []string{"split view: the server signed these 2 lines",
		"split view: the server signed these 5 lines", "line 1 is not the one in "} {
		if status != 1 || !strings.Contains(stderr, words) {
			t.Errorf("status %d, it does not say %q:\n%s", status, words, stderr)
		}
	}
}

func TestAuditNeedsSignatures(t *testing.T) {
	c := collect(t)
	c.Remove(logfile.CheckpointName)
	if _, stderr, status := c.audit(); status != 1 || !strings.Contains(stderr, "vouches for the manifest") {
		t.Errorf("nothing that is signed: status %d\n%s", status, stderr)
	}
	if stdout, stderr, status := c.audit(c.all()...); status != 0 {
		t.Errorf("receipts alone: status %d\n%s%s", status, stdout, stderr)
	}
	for name, args := range map[string][]string{"no arguments": nil, "no directory": {c.Dir + ".gone"}} {
		if _, stderr, status := python(t, map[string]string{"CLIENT_SERVER_IDENTITY": c.Pins().String()}, "audit.py",
			args...); status != 2 {
			t.Errorf("%s: status %d\n%s", name, status, stderr)
		}
	}
	if _, stderr, status := python(t, nil, "audit.py", c.Dir); status != 2 ||
		!strings.Contains(stderr, "CLIENT_SERVER_IDENTITY") {
		t.Errorf("no pin: status %d\n%s", status, stderr)
	}
}
