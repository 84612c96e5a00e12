package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/nettest"
	"sealpost/shared/progress"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

func TestStatus(t *testing.T) {
	id := message.NewID()
	unknown := &courier.UnknownError{ID: id, Cause: courier.ErrNoProgress}
	left := func(refused int, err error) error {
		return &outcomeError{outcome: outbox.Outcome{Refused: refused, Left: []outbox.Left{{ID: id, Err: err}}}}
	}
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything else"), 1},
		{&courier.ReadError{Name: "n", Cause: io.ErrUnexpectedEOF}, 1},
		{&receiptError{cause: os.ErrPermission}, 1},
		{&spoolError{os.ErrPermission}, 1},
		{errInterrupted, 1},
		{badUsage("x"), 2},
		{&takenError{}, 2},
		{&receiptError{cause: &takenError{}}, 1},
		{&voice.OutputError{Cause: io.ErrShortWrite}, 1},
		{&filesError{worst: 3}, 3},
		{errEmpty(stdin), 2},
		{errHungUp, 1},
		{&settings.Error{Problems: []settings.Problem{{Name: "N", Rule: "r"}}}, 2},
		{&courier.RefusalError{Code: framing.CodeTooLarge}, 3},
		{&courier.RefusalError{Of: courier.OfConnection, Cause: &identity.MismatchError{}}, 3},
		{&outbox.LogbookError{}, 3},
		{unknown, 4},
		{&againError{id: id, cause: unknown}, 4},
		{&resetError{io.ErrUnexpectedEOF}, 4},
		{left(0, unknown), 4},
		{left(0, outbox.ErrNoPassword), 4},
		{left(0, &outbox.ForeignError{}), 4},
		{left(0, &outbox.RecordError{}), 1},
		{left(0, &outbox.ClaimError{Cause: os.ErrPermission}), 1},
		{left(0, &courier.PostponedError{ID: id, Reason: "r"}), 4},
		{&outbox.DirError{}, 2},
		{left(0, &courier.ReadError{Cause: io.ErrUnexpectedEOF}), 1},
		{left(1, unknown), 3},
		{&outcomeError{outcome: outbox.Outcome{Stopped: true}}, 4},
		{&outcomeError{outcome: outbox.Outcome{Refused: 1}}, 3},
	} {
		if got := status(fmt.Errorf("wrapped: %w", c.err)); c.err != nil && got != c.want {
			t.Errorf("%T %v: status %d, want %d", c.err, c.err, got, c.want)
		}
	}
	if got := status(nil); got != 0 {
		t.Errorf("no error: status %d", got)
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"report-7.txt": "report-7.txt",
		"":             "''",
		"a b":          "'a b'",
		"it's":         `'it'\''s'`,
		"$(x)":         "'$(x)'",
		"Grüße":        "'Grüße'",
	} {
		if got := quote(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}

// deliverFunc is a carrier that needs no server.
type deliverFunc func(context.Context, courier.Message) (courier.Delivery, error)

func (f deliverFunc) Deliver(ctx context.Context, m courier.Message) (courier.Delivery, error) {
	return f(ctx, m)
}
func (deliverFunc) Logbook(context.Context) (string, error) { return "", nil }
func (deliverFunc) Close() error                            { return nil }

func newRunner(file string, in io.Reader, f deliverFunc) (*runner, *bytes.Buffer) {
	var out bytes.Buffer
	return &runner{
		options: options{file: file}, Streams: voice.Streams{In: in, Out: &out, Err: &out},
		screen: progress.NewScreen(&out), carrier: f,
	}, &out
}

// Every attempt reads the same bytes, from memory and from the temporary file.
func TestSourceIsReadAgain(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, size := range []int{0, 1, maxInMemory, maxInMemory + 1, 3*maxInMemory + 7} {
		content := strings.Repeat("x", size)
		r, _ := newRunner("-", iotest.HalfReader(strings.NewReader(content)),
			func(_ context.Context, m courier.Message) (courier.Delivery, error) {
				for range 2 {
					body, err := m.Open()
					if err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(body)
					if err != nil || string(got) != content || m.Size != uint64(size) {
						t.Errorf("%d bytes: %d come back, %v", size, len(got), err)
					}
				}
				return courier.Delivery{}, nil
			})
		r.allowEmpty = true
		if err := r.sendOne(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestSourceFails(t *testing.T) {
	broken := errors.New("broken")
	var read *courier.ReadError
	for _, size := range []int{0, 2 * maxInMemory} {
		in := io.MultiReader(strings.NewReader(strings.Repeat("x", size)), iotest.ErrReader(broken))
		if _, err := openSource(t.Context(), "-", in); !errors.As(err, &read) || !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", size, err)
		}
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	in := strings.NewReader(strings.Repeat("x", 2*maxInMemory))
	if _, err := openSource(t.Context(), "-", in); !errors.As(err, new(*spoolError)) {
		t.Errorf("without a place to spool: %v", err)
	}
}

// A stop ends even a read that nobody answers.
func TestInterruptedWhileReading(t *testing.T) {
	silent, _ := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := openSource(ctx, "-", silent); !errors.Is(err, errInterrupted) {
		t.Errorf("error %v", err)
	}
}

// onText calls a function once a text was written.
type onText struct {
	text string
	do   func()
	bytes.Buffer
}

func (w *onText) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if bytes.Contains(w.Bytes(), []byte(w.text)) {
		w.do()
	}
	return n, err
}

// A client that is stopped while it tries says what is not known to be sent.
func TestStoppedWhileTrying(t *testing.T) {
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.New("store-17")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CLIENT_SERVER", nettest.Nobody(t))
	t.Setenv("CLIENT_SERVER_IDENTITY", id.VerifierKey("sealpost/test"))
	t.Setenv("CLIENT_TOKEN", tok.Reveal())
	t.Setenv("CLIENT_TIMEOUT", "0s")
	t.Setenv("CLIENT_LOG_LEVEL", "debug")
	box := t.TempDir()
	if err := os.WriteFile(filepath.Join(box, "message"), []byte("m"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{filepath.Join(box, "message")}, 4, "again without a double: client -id "},
		{[]string{"-outbox", box}, 4, "client: stopped before all was sent"},
		{[]string{"-outbox", box, "-watch"}, 0, "outbox finished"},
	} {
		ctx, stop := context.WithCancel(t.Context())
		log := &onText{text: "trying again", do: stop}
		if got := Main(ctx, c.args, voice.Streams{In: strings.NewReader(""), Out: io.Discard, Err: log}); got != c.status {
			t.Errorf("%q: status %d, want %d", c.args, got, c.status)
		}
		if !strings.Contains(log.String(), c.says) {
			t.Errorf("%q: no %q in\n%s", c.args, c.says, log.String())
		}
		if strings.Contains(log.String(), tok.Reveal()) {
			t.Errorf("%q: the token is in the log", c.args)
		}
	}
}

func TestReceiptCannotBeKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	id := message.NewID()
	r, out := newRunner("-", strings.NewReader("x"), func(context.Context, courier.Message) (courier.Delivery, error) {
		return courier.Delivery{Receipt: []byte("receipt"),
			Entry: logfile.Entry{Seq: 7, File: "server_message7.txt", ID: id, Name: "n"}}, nil
	})
	r.receipt = filepath.Join(dir, "receipt")
	err := r.sendOne(t.Context())
	if !errors.As(err, new(*receiptError)) {
		t.Fatalf("error %v", err)
	}
	if want := "7 server_message7.txt " + id.String() + " n\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out, want)
	}
	if !strings.Contains(hint(err), "client -id ") {
		t.Errorf("hint %q", hint(err))
	}
}

// What has come to the receipt's place while the message was under way is not
// replaced, and the hint brings the receipt all the same.
func TestReceiptPlaceIsTakenMeanwhile(t *testing.T) {
	path, id := filepath.Join(t.TempDir(), "receipt"), message.NewID()
	r, _ := newRunner("-", strings.NewReader("x"), func(context.Context, courier.Message) (courier.Delivery, error) {
		return courier.Delivery{Receipt: []byte("receipt")}, os.WriteFile(path, []byte("precious"), 0o600)
	})
	r.receipt, r.id = path, id
	if err := r.checkReceipt(id); err != nil {
		t.Fatal(err)
	}
	err := r.sendOne(t.Context())
	if !errors.As(err, new(*receiptError)) || !errors.As(err, new(*takenError)) || status(err) != exitFailed {
		t.Errorf("error %v", err)
	}
	if want := "client -id " + id.String() + " -receipt " + quote(path+"."+id.String()) +
		" -"; !strings.HasSuffix(hint(err), want) {
		t.Errorf("hint %q, want %q", hint(err), want)
	}
	if got, err := os.ReadFile(path); string(got) != "precious" {
		t.Errorf("the file there holds %q, %v", got, err)
	}
	onlyFile(t, path)
}

// onlyFile checks that nothing lies beside a file.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("beside %s: %v, %v", path, all, err)
	}
}

// Nothing that stands in a receipt's place is followed, or waited for.
func TestReceiptPlaceIsNoFile(t *testing.T) {
	dir := t.TempDir()
	target, link, pipe := filepath.Join(dir, "target"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.WriteFile(target, nil, 0o600), os.Symlink(target, link),
		syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, pipe, dir} {
		r, _ := newRunner("-", nil, nil)
		r.receipt = path
		var taken *takenError
		if err := r.checkReceipt(message.NewID()); !errors.As(err, &taken) ||
			taken.what != "is there, and not a regular file" {
			t.Errorf("%s: error %v", path, err)
		}
	}
}

// The command to repeat names everything but the password.
func TestCommandShowsNoPassword(t *testing.T) {
	r, _ := newRunner("-file", nil, nil)
	r.password, r.hasPassword, r.name, r.receipt = "hunter2", true, "a name", "r"
	id := message.NewID()
	if got, want := r.command(id), "client -id "+id.String()+" -name 'a name' -receipt r -- -file PASSWORD"; got != want {
		t.Errorf("command %q, want %q", got, want)
	}
}
