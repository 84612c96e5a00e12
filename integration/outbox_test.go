package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// ownMessages leaves the outbox to the test: the set-up puts nothing in, and
// clients do not wait for each other. Log files lie in shard directories there, so
// that vsftpd and driver have both layouts to do with.
const ownMessages = "testdata/own-messages.yaml"

// fill puts files into the outbox of a stack whose containers exist.
func (s *stack) fill(files map[string][]byte) {
	s.t.Helper()
	dir := s.t.TempDir()
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	s.run("cp", "--index", "1", dir+"/.", "client:/outbox")
}

// Every licence text of this system goes through one outbox run and comes back
// over FTP.
func TestRealTexts(t *testing.T) {
	t.Parallel()
	const source = "/usr/share/common-licenses"
	entries, err := os.ReadDir(source)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string][]byte)
	for _, e := range entries {
		body, err := os.ReadFile(filepath.Join(source, e.Name())) // links included
		if err != nil {
			t.Fatal(err)
		}
		want[e.Name()] = body
	}
	if len(want) < 10 {
		t.Fatalf("only %d texts in %s", len(want), source)
	}
	s := newStack(t, ownMessages)
	s.prepareOutbox(1)
	s.fill(want)
	out, code := s.upToTheEnd("--scale", "client=1")
	if code != 0 {
		t.Fatalf("ended with %d:\n%s", code, out)
	}
	got, contents := s.collected()
	expectEach(t, got, contents, want, 1)
}

// prepareOutbox runs the set-up and makes the containers that come after it.
func (s *stack) prepareOutbox(clients int) {
	s.t.Helper()
	s.run("up", "--no-build", "-d", "server", "vsftpd")
	s.run("create", "--no-build", "--scale", fmt.Sprintf("client=%d", clients), "client", "driver")
}

// Clients that are killed while they send lose nothing and double nothing.
func TestClientsKilled(t *testing.T) {
	t.Parallel()
	want := list(300)
	want["large.bin"] = bytes.Repeat([]byte("0123456789abcdef"), 2<<20)
	s := newStack(t, ownMessages)
	s.prepareOutbox(6)
	s.fill(want)
	s.run("up", "--no-build", "-d", "--scale", "client=6", "client")
	for i := 1; i <= 5; i++ {
		// Some have ended by themselves when their turn comes; that is as good.
		_, _ = tryDocker("kill", "--signal", "KILL", fmt.Sprintf("%s-client-%d", s.project, i))
	}
	out, code := s.upToTheEnd("--scale", "client=6")
	if code != 0 {
		t.Fatalf("ended with %d:\n%s", code, out)
	}
	entries, contents := s.collected()
	expectEach(t, entries, contents, want, 1)
}
