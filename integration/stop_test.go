package integration

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// TestStops: each container of a stack that stays is stopped while messages are on their
// way through it: it ends with 0, and so before Docker kills it, which would be 137.
// Started again the stack goes on, and every message is there once, with its receipt.
func TestStops(t *testing.T) {
	t.Parallel()
	s := newStack(t, ownMessages, "testdata/stay.yaml")
	s.prepareOutbox(1)
	s.run("up", "--no-build", "-d", "--scale", "client=1", "client", "driver")
	want := make(map[string][]byte)
	for _, stop := range []struct{ service, shows string }{
		{"client", "client"}, {"server", "server"}, {"driver", "driver"}, {"vsftpd", "driver"},
	} {
		batch := make(map[string][]byte)
		for i := range 400 {
			batch[fmt.Sprintf("%s-%03d.txt", stop.service, i)] = bytes.Repeat([]byte(stop.service), 1+i*10)
		}
		for name, body := range batch {
			want[name] = body
		}
		s.fill(batch)
		s.waitLog(stop.shows, stop.service+"-")
		name := s.project + "-" + stop.service + "-1"
		docker(t, "stop", name)
		if code := strings.TrimSpace(docker(t, "inspect", "--format", "{{.State.ExitCode}}", name)); code != "0" {
			t.Errorf("%s: exit status %s", stop.service, code)
		}
		docker(t, "start", name)
	}
	// As the demonstration ends: until the outbox is empty, with each receipt checked.
	end := &stack{t: t, project: s.project, files: s.files[:2]}
	out, code := end.upToTheEnd("--scale", "client=1")
	if code != 0 {
		t.Fatalf("ended with %d:\n%s", code, out)
	}
	entries, contents := end.collected()
	expectEach(t, entries, contents, want, 1)
}

// waitLog returns once a line in the log of the service has these words.
func (s *stack) waitLog(service, words string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), stepTimeout)
	defer cancel()
	logs := exec.CommandContext(ctx, "docker", "logs", "--follow", s.project+"-"+service+"-1")
	reader, writer := io.Pipe()
	logs.Stdout, logs.Stderr = writer, writer
	if err := logs.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = logs.Wait(); _ = writer.Close(); close(ended) }()
	defer func() { cancel(); _ = reader.Close(); <-ended }()
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		if strings.Contains(lines.Text(), words) {
			return
		}
	}
	s.t.Fatalf("no line of %s has %q", service, words)
}
