package hook_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/driver/hook"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// told is a message of that name and text.
func told(t *testing.T, name, text string) hook.Message {
	t.Helper()
	id, err := message.ParseID("00112233445566778899aabbccddeeff")
	if err != nil {
		t.Fatal(err)
	}
	return hook.Message{
		Entry: logfile.Entry{
			V: 1, Seq: 7, File: logfile.FileName(7), ID: id, Sender: "store-17", Name: name, Cipher: message.None,
			ReceivedAt: time.Date(2012, 7, 22, 20, 44, 41, 5, time.UTC),
			Size:       uint64(len(text)), SHA256: sha256.Sum256([]byte(text)),
		},
		File: "/out/server_message7.txt", Path: "/out/.7.message",
		Body: io.NewSectionReader(strings.NewReader(text), 0, int64(len(text))),
	}
}

// script makes a shell script and a command of it.
func script(t *testing.T, log *bytes.Buffer, text string) *hook.Command {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return &hook.Command{Args: hook.Split(path + "  one 'two "), Limit: time.Minute, Log: zerolog.New(log)}
}

// TestCommand: what a command gets, and that it gets nothing else of the driver's.
func TestCommand(t *testing.T) {
	t.Setenv("DRIVER_FTP_PASSWORD", "correct horse")
	t.Setenv("SEALPOST_OTHER", "not ours")
	t.Setenv("OTHER", "stays")
	out := filepath.Join(t.TempDir(), "env")
	var log bytes.Buffer
	c := script(t, &log, `printf '%s\n' "$#" "$@" > '`+out+`'
env | grep -E '^(SEALPOST|DRIVER|OTHER)' | sort >> '`+out+"'\n")
	name := `$(rm -rf /tmp/x) "; 'a/../b`
	if err := c.Hand(t.Context(), told(t, name, "text")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want := "2\none\n'two\nOTHER=stays\nSEALPOST_FILE=/out/server_message7.txt\n" +
		"SEALPOST_ID=00112233445566778899aabbccddeeff\nSEALPOST_MESSAGE=/out/.7.message\nSEALPOST_NAME=" + name + "\n" +
		"SEALPOST_NUMBER=7\nSEALPOST_RECEIVED_AT=2012-07-22T20:44:41.000000005Z\nSEALPOST_SENDER=store-17\n" +
		fmt.Sprintf("SEALPOST_SHA256=%x\nSEALPOST_SIZE=4\n", sha256.Sum256([]byte("text")))
	if string(text) != want {
		t.Errorf("it got:\n%s\nwant:\n%s", text, want)
	}
}

// TestCommandFails: the reason, and the end of what it said, as one safe line.
func TestCommandFails(t *testing.T) {
	var log bytes.Buffer
	c := script(t, &log, `printf 'first\n\033[31mno room\n\n' >&2; exit 3`)
	err := c.Hand(t.Context(), told(t, "a", "text"))
	var failed *hook.FailedError
	if !errors.As(err, &failed) || failed.Said != `\x1b[31mno room` || !strings.HasSuffix(err.Error(),
		`: exit status 3: \x1b[31mno room`) {
		t.Errorf("%v", err)
	}
	if c.Args[0] = filepath.Join(t.TempDir(), "none"); !errors.As(c.Hand(t.Context(), told(t, "a", "")), &failed) {
		t.Error("a program that is gone is no failure")
	}
}

// TestCommandFloods: the log is bounded, by lines and by their lengths, and the
// command is not held up.
func TestCommandFloods(t *testing.T) {
	var log bytes.Buffer
	c := script(t, &log, `head -c 100000 /dev/zero | tr '\0' x; echo; yes | head -n 5000`)
	if err := c.Hand(t.Context(), told(t, "a", "text")); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 101 || !strings.Contains(lines[100], "says more than is logged") || len(lines[0]) > 1200 ||
		!strings.Contains(lines[0], "x…") || !strings.Contains(lines[0], `"number":7`) {
		t.Errorf("%d lines, the first: %.100s", len(lines), lines[0])
	}
}

// TestCommandTooLong: it is killed, with what it started. The child holds the end of
// a pipe, whose other end tells when it is dead.
func TestCommandTooLong(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit time.Duration
		cause error
	}{{"its time is over", time.Second, hook.ErrTimeout}, {"the program ends", time.Hour, context.Canceled}} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			both, child := open(t, path, os.O_RDWR), open(t, path, os.O_RDONLY)
			var log bytes.Buffer
			c := script(t, &log, `(echo; exec sleep 100) > '`+path+`' 2>&1 & wait`)
			c.Limit = test.limit
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- c.Hand(ctx, told(t, "a", "text")) }()
			if test.cause == context.Canceled {
				if _, err := child.Read(make([]byte, 1)); err != nil { // waits for the child
					t.Fatal(err)
				}
				cancel()
			}
			if err := <-ended; !errors.Is(err, test.cause) {
				t.Errorf("%v", err)
			}
			both.Close()
			if err := child.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(child); err != nil { // ends with the child
				t.Error(err)
			}
		})
	}
}

// open opens a pipe without waiting for its other end.
func open(t *testing.T, path string, flag int) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, flag|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// TestCommandLeavesSomethingRunning that holds its output: it has ended all the same.
func TestCommandLeavesSomethingRunning(t *testing.T) {
	var log bytes.Buffer
	c := script(t, &log, `sleep 100 & echo $!`)
	if err := c.Hand(t.Context(), told(t, "a", "text")); err != nil {
		t.Error(err)
	}
	var said struct{ Said string }
	decode(t, log.Bytes(), &said)
	kill(t, said.Said)
}
