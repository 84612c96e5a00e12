package run

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"sealpost/services/driver/collector"
	"sealpost/shared/logging"
)

const (
	repaint = 200 * time.Millisecond
	// eraseLine returns to the first column and clears the line (ECMA-48 EL).
	eraseLine = "\r\x1b[K"
)

// screen is where log lines go. On a terminal it also shows one line of
// progress below them, and takes it away before anything else is written.
type screen struct {
	out      io.Writer
	terminal bool

	mu    sync.Mutex
	dirty bool // the progress line is showing
}

func newScreen(out io.Writer) *screen {
	f, ok := out.(*os.File)
	return &screen{out: out, terminal: ok && isatty.IsTerminal(f.Fd())}
}

// Write writes a log line in place of the progress line.
func (s *screen) Write(p []byte) (n int, err error) {
	err = s.hold(func() error {
		n, err = s.out.Write(p)
		return err
	})
	return n, err
}

// hold takes the progress line away and keeps it away while f runs.
func (s *screen) hold(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	return f()
}

func (s *screen) erase() {
	if s.dirty {
		_, _ = io.WriteString(s.out, eraseLine) // decoration: an error shows elsewhere
		s.dirty = false
	}
}

// show paints the progress until the function it returns is called.
func (s *screen) show(p *collector.Progress) (stop func()) {
	if !s.terminal {
		return func() {}
	}
	ended := make(chan struct{})
	var painter sync.WaitGroup
	painter.Go(func() {
		ticker := time.NewTicker(repaint)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.paint(p)
			case <-ended:
				return
			}
		}
	})
	return func() {
		close(ended)
		painter.Wait()
		_ = s.hold(func() error { return nil })
	}
}

func (s *screen) paint(p *collector.Progress) {
	done, all := p.Files()
	if all == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	_, _ = fmt.Fprintf(s.out, "%d of %d files, %s", done, all, humanize.IBytes(p.Bytes()))
	s.dirty = true
}

// logger makes a logger that writes around the progress line.
func (s *screen) logger(level, format string) (zerolog.Logger, error) {
	if !s.terminal {
		return logging.New(s.out, level, format)
	}
	if format == logging.FormatAuto {
		format = logging.FormatConsole
	}
	return logging.New(s, level, format)
}
