// Package progress shows on a terminal how far a program is: one line below the
// log, with a bar, counts, rate and time left.
//
// Guaranteed: where the output is not a terminal nothing of it appears; the line
// is never wider than the terminal, it is taken away before anything else is
// written through the Screen, and it is gone when showing it has ended. The line
// is made of numbers and the program's own words alone. Not guaranteed: what is
// written to the terminal past the Screen may be torn.
package progress

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

const (
	repaint = 200 * time.Millisecond
	// eraseLine returns to the first column and clears the line (ECMA-48 EL).
	eraseLine = "\r\x1b[K"
	// usualWidth is that of a terminal that does not say how wide it is.
	usualWidth = 80
)

// Screen is where a program's log lines and complaints go, each written whole and
// with its line end. Its methods may be called at once.
type Screen struct {
	out  io.Writer
	file *os.File // out, where it is a terminal

	mu   sync.Mutex
	line string // of progress, as it is showing
}

// NewScreen returns a Screen that writes to out, as a rule standard error.
func NewScreen(out io.Writer) *Screen {
	s := &Screen{out: out}
	if f, ok := out.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		s.file = f
	}
	return s
}

// IsTerminal reports whether a person looks at it.
func (s *Screen) IsTerminal() bool { return s.file != nil }

// Write writes lines above the progress.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line == "" {
		return s.out.Write(p)
	}
	if !bytes.HasSuffix(p, []byte("\n")) {
		s.erase()
		return s.out.Write(p)
	}
	// In one write, so that nothing of another process comes between.
	all := append(append([]byte(eraseLine), p...), s.line...)
	n, err := s.out.Write(all)
	return min(max(n-len(eraseLine), 0), len(p)), err
}

// Hold takes the progress away while f runs, for what f prints elsewhere on the
// same terminal.
func (s *Screen) Hold(f func() error) error {
	if s.file == nil {
		return f() // which may wait for who reads what it prints
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	line := s.line
	s.erase()
	err := f()
	s.paint(line)
	return err
}

// Show paints the progress of one work until the function that it returns is
// called. A screen shows one work at a time.
func (s *Screen) Show(w Work) (stop func()) {
	if s.file == nil || os.Getenv("TERM") == "dumb" { // which cannot clear a line
		return func() {}
	}
	ended := make(chan struct{})
	var painter sync.WaitGroup
	painter.Go(func() {
		b := newBar(w)
		ticker := time.NewTicker(repaint)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.replace(b.text(w.Count(), s.width()))
			case <-ended:
				return
			}
		}
	})
	return func() {
		close(ended)
		painter.Wait()
		s.replace("")
	}
}

func (s *Screen) width() int {
	columns, _, err := term.GetSize(int(s.file.Fd()))
	if err != nil || columns <= 0 {
		return usualWidth
	}
	return columns
}

func (s *Screen) replace(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case line == s.line:
	case line == "":
		s.erase()
	default:
		s.paint(line)
	}
}

// erase and paint are called with mu held. An error of decoration shows elsewhere.
func (s *Screen) erase() {
	if s.line != "" {
		_, _ = io.WriteString(s.out, eraseLine)
		s.line = ""
	}
}

func (s *Screen) paint(line string) {
	if line != "" {
		_, _ = io.WriteString(s.out, eraseLine+line)
		s.line = line
	}
}
