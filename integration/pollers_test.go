package integration

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealpost/shared/logfile"
)

// pollersFile adds other people's FTP clients to the stack.
const pollersFile = "testdata/pollers.yaml"

// polled is what pollers/poll says of one of them.
type polled struct {
	Passes   int
	Failures []string
	First    map[string]seen // each log file, when it was first seen under its name
	Last     map[string]seen // and in the end
}

// seen is what a file was.
type seen struct {
	Size   uint64
	SHA256 string
}

func seenOf(e logfile.Entry) seen { return seen{e.FileSize, hex.EncodeToString(e.FileSHA256[:])} }

// Curl, lftp and Python's ftplib fetch log files all the while that clients send
// messages, and the server refuses data connections without the TLS session of their
// control connection. None of them ever has a file under its name without all its
// bytes, and in the end each has every file.
func TestOtherPollers(t *testing.T) {
	t.Parallel()
	s := newStack(t, ownMessages, pollersFile)
	s.run("build", "--quiet", "pollers")
	s.prepareOutbox(2)
	s.run("up", "--no-build", "-d", "pollers")
	pollers := []string{"with-curl", "with-ftplib", "with-lftp", "with-lftp-parallel"}
	for wave := range 2 {
		s.fill(messagesFor(wave))
		s.run("up", "--no-build", "-d", "--no-recreate", "--scale", "client=2", "client")
		if ends := docker(t, "wait", s.project+"-client-1", s.project+"-client-2"); ends != "0\n0\n" {
			t.Fatalf("the clients end with %q", ends)
		}
		if wave == 0 {
			s.awaitPasses(len(pollers))
		}
	}
	entries := s.manifest()
	s.cutCurl(largest(entries))
	s.run("stop", "--timeout", "200", "pollers") // each runs once more
	if len(entries) != 2*41 {
		t.Fatalf("%d messages", len(entries))
	}
	reports := s.polled()
	for _, name := range pollers {
		reports[name].compare(t, name, entries)
	}
	if len(reports) != len(pollers) {
		t.Errorf("%d pollers", len(reports))
	}
}

// messagesFor are small ones, and one that takes a while.
func messagesFor(wave int) map[string][]byte {
	files := make(map[string][]byte)
	for i := range 40 {
		files[fmt.Sprintf("%d-%d.txt", wave, i)] = bytes.Repeat([]byte{byte(i)}, i*300)
	}
	large := make([]byte, 6<<20)
	_, _ = rand.Read(large)
	files[fmt.Sprintf("%d-large.bin", wave)] = large
	return files
}

// awaitPasses waits until each poller has been through once.
func (s *stack) awaitPasses(pollers int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), stepTimeout)
	defer cancel()
	logs := exec.CommandContext(ctx, "docker", "logs", "--follow", s.project+"-pollers-1")
	out, err := logs.StdoutPipe()
	if err == nil {
		err = logs.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { cancel(); _ = logs.Wait() }() // it follows until it is ended
	lines := bufio.NewScanner(out)
	for pollers > 0 && lines.Scan() {
		if strings.HasPrefix(lines.Text(), "failed: ") {
			s.t.Fatal(lines.Text())
		}
		pollers--
	}
	if pollers > 0 {
		s.t.Fatalf("%d pollers have not been through once: %v", pollers, ctx.Err())
	}
}

// cutCurl puts the beginning of a file where a curl that was cut off leaves it, and
// has curl go on with it. A byte of it is not the server's: it stays, where curl goes
// on behind it, and the rest is the file's.
func (s *stack) cutCurl(e logfile.Entry) {
	s.t.Helper()
	out := s.run("exec", "-T", "pollers", "sh", "-c", `set -eu
mkdir /tmp/whole /tmp/cut
with-curl vsftpd /tmp/whole "$0"
head -c 1000000 "/tmp/whole/$0" >"/tmp/cut/.$0.part"
printf '\377' | dd of="/tmp/cut/.$0.part" conv=notrunc status=none
with-curl vsftpd /tmp/cut "$0"
cmp -l "/tmp/whole/$0" "/tmp/cut/$0" | wc -l
sha256sum <"/tmp/whole/$0"`, e.File)
	if want := fmt.Sprintf("1\n%x  -\n", e.FileSHA256[:]); out != want {
		s.t.Errorf("a file that was cut off was not gone on with: %q instead of %q", out, want)
	}
}

// largest returns the entry of the largest file.
func largest(entries []logfile.Entry) logfile.Entry {
	return slices.MaxFunc(entries, func(a, b logfile.Entry) int { return cmp.Compare(a.FileSize, b.FileSize) })
}

// manifest reads the server's.
func (s *stack) manifest() (entries []logfile.Entry) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), logfile.ManifestName)
	s.run("cp", "server:/data/logs/"+logfile.ManifestName, path)
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		e, err := logfile.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			s.t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

// polled reads the report, the last line that the pollers' container printed.
func (s *stack) polled() (reports map[string]polled) {
	s.t.Helper()
	lines := strings.Split(strings.TrimSpace(s.run("logs", "--no-log-prefix", "pollers")), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &reports); err != nil {
		s.t.Fatalf("%v in %.2000q", err, lines)
	}
	return reports
}

// compare holds what was seen to the manifest.
func (p polled) compare(t *testing.T, name string, entries []logfile.Entry) {
	t.Helper()
	t.Logf("%s: %d passes, %d files", name, p.Passes, len(p.Last))
	if p.Passes < 2 || len(p.Failures) > 0 {
		t.Errorf("%s: %d passes, then %v", name, p.Passes, p.Failures)
	}
	for _, e := range entries {
		if want := seenOf(e); p.First[e.File] != want || p.Last[e.File] != want {
			t.Errorf("%s: %s was first %v, is %v, and the manifest says %v", name, e.File, p.First[e.File],
				p.Last[e.File], want)
		}
	}
	if len(p.First) != len(entries) || len(p.Last) != len(entries) {
		t.Errorf("%s: %d files, then %d, of %d messages", name, len(p.First), len(p.Last), len(entries))
	}
}
