package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sealpost/services/client/cli"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
	"sealpost/shared/nettest"
	"sealpost/shared/voice"
)

// untilSaid ends a client once its log has a text as often as it takes.
type untilSaid struct {
	text  string
	times int
	stop  func()

	mu sync.Mutex
	bytes.Buffer
}

func (w *untilSaid) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.Buffer.Write(p)
	if strings.Count(w.String(), w.text) >= w.times {
		w.stop()
	}
	return n, err
}

// A client says that its server cannot be reached, whatever it was called for,
// and not at every try; with an outbox also how many messages wait.
func TestServerCannotBeReached(t *testing.T) {
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.New("store-17")
	if err != nil {
		t.Fatal(err)
	}
	nobody := nettest.Nobody(t)
	t.Setenv("CLIENT_SERVER", nobody)
	t.Setenv("CLIENT_SERVER_IDENTITY", id.VerifierKey("sealpost/test"))
	t.Setenv("CLIENT_TOKEN", tok.Reveal())
	t.Setenv("CLIENT_LOG_LEVEL", "debug")
	t.Setenv("CLIENT_LOG_FORMAT", "json")
	box := t.TempDir()
	for _, name := range []string{"one", "two", "three.part"} {
		if err := os.WriteFile(filepath.Join(box, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args    []string
		waiting string
	}{
		{[]string{filepath.Join(box, "one")}, ""},
		{[]string{"-outbox", box}, `"waiting":2`},
		{[]string{"-outbox", box, "-watch"}, `"waiting":2`},
	} {
		ctx, stop := context.WithCancel(t.Context())
		log := &untilSaid{text: `"trying again"`, times: 3, stop: stop}
		cli.Main(ctx, c.args, voice.Streams{In: strings.NewReader(""), Out: io.Discard, Err: log})
		said := 0
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "cannot be reached") {
				said++
				if !strings.Contains(line, `"warn"`) || !strings.Contains(line, "refused") ||
					!strings.Contains(line, nobody) || !strings.Contains(line, c.waiting) {
					t.Errorf("%q: %s", c.args, line)
				}
			}
		}
		if said != 1 {
			t.Errorf("%q: said %d times:\n%s", c.args, said, log.String())
		}
	}
}
