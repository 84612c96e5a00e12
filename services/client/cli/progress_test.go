//go:build unix

package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sealpost/services/client/courier"
	"sealpost/shared/logfile"
	"sealpost/shared/progress"
	"sealpost/shared/progress/progresstest"
)

// halfway is a server that takes half of each message and waits.
type halfway struct {
	t        *testing.T
	goOn     chan struct{}
	failures int // attempts that end there
}

func (h *halfway) deliver(_ context.Context, m courier.Message) (courier.Delivery, error) {
	for {
		body, err := m.Open()
		if err != nil {
			return courier.Delivery{}, err
		}
		if _, err := io.CopyN(io.Discard, body, int64(m.Size/2)); err != nil {
			return courier.Delivery{}, err
		}
		<-h.goOn
		if h.failures--; h.failures < 0 {
			_, err = io.Copy(io.Discard, body)
			return courier.Delivery{Entry: logfile.Entry{ID: m.ID, Name: m.Name, Size: m.Size, File: "server_message0.txt"}}, err
		}
	}
}

func onTerminal(t *testing.T, r *runner) *progresstest.Terminal {
	t.Helper()
	term := progresstest.Open(t, 100)
	r.screen = progress.NewScreen(term.Program)
	r.Err = r.screen
	r.Out = term.Program
	return term
}

func awaitLine(t *testing.T, term *progresstest.Terminal, pattern string) []string {
	t.Helper()
	fits := regexp.MustCompile(pattern)
	return term.Await(t, pattern, func(lines []string) bool {
		return len(lines) > 0 && fits.MatchString(lines[len(lines)-1])
	})
}

// A large message shows how much of it is on its way, and its result alone
// remains. What is sent anew begins at its start.
func TestProgressOfOneMessage(t *testing.T) {
	h := &halfway{t: t, goOn: make(chan struct{}), failures: 1}
	r, _ := newRunner(stdin, strings.NewReader(strings.Repeat("x", 1<<21)), h.deliver)
	term := onTerminal(t, r)
	var sending sync.WaitGroup
	sending.Go(func() {
		if err := r.sendOne(t.Context()); err != nil {
			t.Error(err)
		}
	})
	const half = `^ +50% \|=+> +\| \(1\.0/2\.0 MiB, [\d.]+ [KMG]iB/s\)`
	awaitLine(t, term, half)
	h.goOn <- struct{}{}
	awaitLine(t, term, half)
	h.goOn <- struct{}{}
	sending.Wait()
	lines := awaitLine(t, term, `^0 server_message0.txt [0-9a-f]{32} stdin$`)
	if len(lines) != 1 {
		t.Errorf("on the terminal:\n%s", strings.Join(lines, "\n"))
	}
}

// A result comes above the progress of those that are still under way.
func TestResultsAboveTheProgress(t *testing.T) {
	shown, goOn := make(chan struct{}), make(chan struct{})
	r, _ := newRunner("", nil, func(_ context.Context, m courier.Message) (courier.Delivery, error) {
		if m.Name == "first" {
			<-shown
		} else {
			<-goOn
		}
		return courier.Delivery{Entry: logfile.Entry{ID: m.ID, Name: m.Name, File: "server_message0.txt"}}, nil
	})
	for _, name := range []string{"first", "second"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		r.files = append(r.files, path)
	}
	term := onTerminal(t, r)
	var sending sync.WaitGroup
	sending.Go(func() {
		if err := r.sendFiles(t.Context()); err != nil {
			t.Error(err)
		}
	})
	awaitLine(t, term, `^ +0% \|.*\(0/2, `)
	close(shown)
	lines := awaitLine(t, term, `^ +50% \|.*\(1/2, `)
	if len(lines) != 2 || !regexp.MustCompile(`^0 server_message0.txt [0-9a-f]{32} first$`).MatchString(lines[0]) {
		t.Errorf("on the terminal:\n%s", strings.Join(lines, "\n"))
	}
	close(goOn)
	sending.Wait()
}

// With -json and -quiet there is no progress, on a terminal either.
func TestNoProgressBesideResultsForPrograms(t *testing.T) {
	for _, o := range []options{{json: true}, {quiet: true}} {
		o.file = stdin
		h := &halfway{t: t, goOn: make(chan struct{}, 1)}
		h.goOn <- struct{}{}
		r, _ := newRunner(stdin, strings.NewReader("message"), h.deliver)
		r.options = o
		term := onTerminal(t, r)
		var out bytes.Buffer
		r.Out = &out
		counting, stop := r.progress("", nil)
		stop()
		if err := r.sendOne(t.Context()); err != nil {
			t.Error(err)
		}
		if term.Written() != "" || r.carrier == carrier(counting) {
			t.Errorf("%+v: written %q", o, term.Written())
		}
		if is := strings.HasPrefix(out.String(), `{"outcome":"sent",`); is != o.json || o.quiet && out.Len() > 0 {
			t.Errorf("%+v: printed %q", o, out.String())
		}
	}
}

// What failed is not counted among the bytes that were moved; what the server has
// already is.
func TestFailedBytesAreNotMoved(t *testing.T) {
	gone := errors.New("gone")
	c := &counting{carrier: deliverFunc(func(_ context.Context, m courier.Message) (courier.Delivery, error) {
		body, err := m.Open()
		if err == nil && m.Name == "goes on" {
			_, err = body.Seek(3, io.SeekStart)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, body)
		}
		if err == nil && m.Name == "fails" {
			err = gone
		}
		return courier.Delivery{}, err
	})}
	for _, name := range []string{"goes", "fails", "goes on"} {
		_, err := c.Deliver(t.Context(), courier.Message{Name: name, Open: func() (io.ReadSeekCloser, error) {
			return courier.Unclosed(strings.NewReader("five!")), nil
		}})
		if failed := errors.Is(err, gone); failed != (name == "fails") {
			t.Error(err)
		}
	}
	if c.bytes() != 10 {
		t.Errorf("%d bytes moved", c.bytes())
	}
}

// The count is of what was settled since the outbox was empty last.
func TestWaitingCount(t *testing.T) {
	waiting := 0
	w := &waitingCount{waiting: func() (int, error) { return waiting, nil }}
	c := new(counting)
	look := func() progress.Count {
		w.next = time.Time{}
		return w.count(c)
	}
	want := func(got, want progress.Count) {
		t.Helper()
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	want(look(), progress.Count{})
	waiting = 4
	want(look(), progress.Count{All: 4})
	c.settled.Store(1)
	c.moved.Store(100)
	want(w.count(c), progress.Count{Done: 1, All: 4, Bytes: 100})
	waiting = 9 // more came
	want(look(), progress.Count{Done: 1, All: 10, Bytes: 100})
	waiting = 0
	c.settled.Store(10)
	c.moved.Store(900)
	want(look(), progress.Count{})
	waiting = 2
	c.settled.Store(11)
	c.moved.Store(1000)
	want(look(), progress.Count{Done: 1, All: 3, Bytes: 100})
}
