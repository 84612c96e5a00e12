// Package progresstest opens terminals for tests, and tells what a person sees
// on them.
package progresstest

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// Terminal is a terminal that a program has open. All that is written to it is
// read at once.
type Terminal struct {
	Program *os.File // what the program has
	person  *os.File
	columns int

	mu      sync.Mutex
	came    *sync.Cond // something was written
	written []byte
}

// Open opens a terminal of so many columns; it is closed with the test.
func Open(t testing.TB, columns int) *Terminal {
	t.Helper()
	person, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(program, &pty.Winsize{Rows: 24, Cols: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
	term := &Terminal{Program: program, person: person, columns: columns}
	term.came = sync.NewCond(&term.mu)
	var reading sync.WaitGroup
	reading.Go(term.read)
	t.Cleanup(func() {
		_ = program.Close()
		reading.Wait()
		_ = person.Close()
	})
	return term
}

// read ends when the last program has closed the terminal.
func (t *Terminal) read() {
	buf := make([]byte, 4<<10)
	for {
		n, err := t.person.Read(buf)
		if err != nil {
			return
		}
		t.mu.Lock()
		t.written = append(t.written, buf[:n]...)
		t.came.Broadcast()
		t.mu.Unlock()
	}
}

// Type types at the terminal.
func (t *Terminal) Type(tb testing.TB, text string) {
	tb.Helper()
	if _, err := t.person.WriteString(text); err != nil {
		tb.Fatal(err)
	}
}

// Await waits until what a person sees is as told, and returns it.
func (t *Terminal) Await(tb testing.TB, what string, is func(lines []string) bool) []string {
	tb.Helper()
	defer time.AfterFunc(time.Minute, t.came.Broadcast).Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	for begun := time.Now(); ; t.came.Wait() {
		lines := seen(t.written, t.columns)
		if is(lines) {
			return lines
		}
		if time.Since(begun) > 50*time.Second {
			tb.Fatalf("waited for %s; on the terminal:\n%s", what, strings.Join(lines, "\n"))
		}
	}
}

// Written returns all bytes that were written so far.
func (t *Terminal) Written() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.written)
}
