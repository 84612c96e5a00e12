package outbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/message"
)

const otherLogbook = "ffffffffffffffffffffffffffffffff"

func (b bench) configAt(logbook string) Config {
	cfg := b.config()
	cfg.Logbook = func(context.Context) (string, error) { return logbook, nil }
	return cfg
}

func TestOutboxKnowsOneLogbook(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"first": "1"})
	b.run(b.config())
	b.put(map[string]string{"second": "2"})

	var other *LogbookError
	if _, err := Run(t.Context(), b.configAt(otherLogbook)); !errors.As(err, &other) {
		t.Fatalf("error %v", err)
	}
	if other.Known != testLogbook || other.Server != otherLogbook {
		t.Errorf("error %+v", other)
	}
	b.accepted(map[string]string{"first": "1"}, message.None)
	b.empty(box.Sending)

	before, err := AcceptLogbook(b.dir, otherLogbook)
	if err != nil || before != testLogbook {
		t.Errorf("accepted after %q, %v", before, err)
	}
	b.run(b.configAt(otherLogbook))
	b.onlySent(map[string]string{"first": "1", "second": "2"}, message.None)
}

// The server may change while a client runs: each message is checked for itself.
func TestLogbookChangesMeanwhile(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"message": "m"})
	ids := make(chan string, 2)
	ids <- testLogbook
	ids <- otherLogbook
	cfg := b.config()
	cfg.Logbook = func(context.Context) (string, error) { return <-ids, nil }
	if _, err := Run(t.Context(), cfg); !errors.As(err, new(*LogbookError)) {
		t.Errorf("error %v", err)
	}
	b.accepted(nil, message.None)
}

// Of many clients that find an outbox without a logbook one writes it.
func TestFirstLogbookWins(t *testing.T) {
	b := newBench(t)
	files := manyFiles(8)
	b.put(files)
	results := make(chan error, 8)
	for i := range cap(results) {
		go func() {
			_, err := Run(b.Context(), b.configAt([]string{testLogbook, otherLogbook}[i%2]))
			results <- err
		}()
	}
	var refused []*LogbookError
	for range cap(results) {
		err := <-results
		var other *LogbookError
		switch {
		case errors.As(err, &other):
			refused = append(refused, other)
		case err != nil:
			t.Error(err)
		}
	}
	known := readFile(t, filepath.Join(b.dir, ".logbook"))
	for _, r := range refused {
		if r.Known+"\n" != known {
			t.Errorf("%+v, but the outbox knows %q", r, known)
		}
	}
	b.accepted(files, message.None)
}

func TestAcceptLogbookAtFirst(t *testing.T) {
	b := newBench(t)
	if before, err := AcceptLogbook(b.dir, testLogbook); before != "" || err != nil {
		t.Errorf("accepted after %q, %v", before, err)
	}
	b.put(map[string]string{"message": "m"})
	if _, err := Run(t.Context(), b.configAt(otherLogbook)); !errors.As(err, new(*LogbookError)) {
		t.Errorf("error %v", err)
	}
}

func TestDamagedLogbookFile(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"message": "m"})
	for _, text := range []string{"?", testLogbook + strings.Repeat("\n", 1<<10)} {
		if err := os.WriteFile(filepath.Join(b.dir, ".logbook"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), b.config()); !errors.Is(err, box.ErrLogbookID) {
			t.Errorf("error %v", err)
		}
	}
	if _, err := AcceptLogbook(b.dir, testLogbook); err != nil {
		t.Fatal(err)
	}
	b.run(b.config())
	b.onlySent(map[string]string{"message": "m"}, message.None)
}
