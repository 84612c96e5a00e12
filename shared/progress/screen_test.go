package progress_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sealpost/shared/logging"
	"sealpost/shared/progress"
	"sealpost/shared/progress/progresstest"
)

// work is one whose count the test sets.
type work struct{ done, all, bytes atomic.Uint64 }

func (w *work) of(unit string) progress.Work {
	return progress.Work{Unit: unit, Count: func() progress.Count {
		return progress.Count{Done: w.done.Load(), All: w.all.Load(), Bytes: w.bytes.Load()}
	}}
}

func last(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// showing waits until the last line on the terminal matches.
func showing(t *testing.T, term *progresstest.Terminal, pattern string) []string {
	t.Helper()
	fits := regexp.MustCompile(pattern)
	return term.Await(t, pattern, func(lines []string) bool { return fits.MatchString(last(lines)) })
}

func TestProgressShowsAndGoes(t *testing.T) {
	term := progresstest.Open(t, 100)
	s := progress.NewScreen(term.Program)
	var w work
	stop := s.Show(w.of("messages"))
	w.all.Store(200)
	w.done.Store(50)
	w.bytes.Store(3 << 20)
	showing(t, term, `^ +25% \|=+> +\| \(50/200, \d+ messages/s\) \[\d+s:\d+s\] 3\.0 MiB$`)
	w.done.Store(200)
	showing(t, term, `^ 100% \|=+\| \(200/200, \d+ messages/s\) 3\.0 MiB$`)
	// More comes, as into an outbox that is watched.
	w.all.Store(400)
	showing(t, term, `^ +50% \|.*\(200/400`)
	stop()
	fmt.Fprintln(term.Program, "a result")
	if lines := showing(t, term, "^a result$"); len(lines) != 1 {
		t.Errorf("on the terminal:\n%s", strings.Join(lines, "\n"))
	}
}

// Bytes have their own units; what is sent once more begins at its start.
func TestProgressOfBytes(t *testing.T) {
	term := progresstest.Open(t, 100)
	var w work
	stop := progress.NewScreen(term.Program).Show(w.of(""))
	defer stop()
	w.all.Store(1 << 30)
	w.done.Store(1 << 29)
	showing(t, term, `^ +50% \|=+> +\| \(512 MiB/1\.0 GiB, [\d.]+ [KMG]iB/s\) \[`)
	w.done.Store(1 << 30)
	showing(t, term, `^ 100% `)
	w.done.Store(1 << 28)
	showing(t, term, `^ +25% \|=+> +\| \(256 MiB/1\.0 GiB`)
}

// Lines of many writers stay whole, on a terminal that is too narrow for the bar
// too, and one progress line is below them.
func TestLinesStayWhole(t *testing.T) {
	for _, columns := range []int{200, 60, 20} {
		term := progresstest.Open(t, columns)
		s := progress.NewScreen(term.Program)
		var w work
		w.all.Store(1 << 20)
		stop := s.Show(w.of("files"))
		showing(t, term, "^ +0%")
		const writers, lines = 4, 100
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				for j := range lines {
					w.done.Add(1)
					fmt.Fprintf(s, "log %d %d\n", i, j)
					err := s.Hold(func() error {
						_, err := fmt.Fprintf(term.Program, "result %d %d\n", i, j)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		seen := showing(t, term, "^ +0%")
		if len(last(seen)) >= columns {
			t.Errorf("%d columns: %q", columns, last(seen))
		}
		stop()
		fmt.Fprintln(s, "the end")
		got := showing(t, term, "^the end$")
		if len(got) != 2*writers*lines+1 {
			t.Errorf("%d columns: %d lines", columns, len(got))
		}
		for i := range writers {
			for j := range lines {
				for _, want := range []string{fmt.Sprintf("log %d %d", i, j), fmt.Sprintf("result %d %d", i, j)} {
					if !slices.Contains(got, want) {
						t.Fatalf("%d columns: no line %q", columns, want)
					}
				}
			}
		}
	}
}

// Where nobody looks, or the terminal can do nothing, there is no progress.
func TestNothingIsShown(t *testing.T) {
	var w work
	w.all.Store(10)
	asked := make(chan struct{}, 1)
	shown := progress.Work{Unit: "files", Count: func() progress.Count {
		asked <- struct{}{}
		return progress.Count{All: 10}
	}}
	var out bytes.Buffer
	s := progress.NewScreen(&out)
	s.Show(shown)()
	log, err := logging.New(s, "info", logging.FormatAuto)
	if err != nil {
		t.Fatal(err)
	}
	log.Info().Msg("hello")
	if got := out.String(); s.IsTerminal() || !strings.HasPrefix(got, "{") || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
	t.Setenv("TERM", "dumb")
	progress.NewScreen(progresstest.Open(t, 80).Program).Show(shown)()
	if len(asked) > 0 {
		t.Error("the count was asked for")
	}
}

// A log on a terminal is for people, also through a Screen.
func TestLogOnATerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	term := progresstest.Open(t, 80)
	log, err := logging.New(progress.NewScreen(term.Program), "info", logging.FormatAuto)
	if err != nil {
		t.Fatal(err)
	}
	log.Info().Msg("hello")
	showing(t, term, `^\d\d:\d\d:\d\d INF hello$`)
}

func TestHoldReturnsTheError(t *testing.T) {
	err := progress.NewScreen(io.Discard).Hold(func() error { return io.ErrShortWrite })
	if !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%v", err)
	}
}
