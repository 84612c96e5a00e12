package standby_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/standby"
	"sealpost/services/server/state"
	"sealpost/shared/durable"
)

const id = "0123456789abcdef0123456789abcdef"

func opener(t *testing.T, dir string) func() (logbook.Logbook, error) {
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return func() (logbook.Logbook, error) {
		return local.Open(local.Config{Dir: dir, ID: id, Notary: st, Log: zerolog.Nop()})
	}
}

// The second server on a volume says why it waits, and takes over by itself.
func TestTakeOver(t *testing.T) {
	dir := t.TempDir()
	first := standby.Open(id, opener(t, dir), time.Hour)
	logbooktest.Await(t, "the first server opens the logbook", first.Opened())
	second := standby.Open(id, opener(t, dir), time.Millisecond)
	defer second.Close()

	if err := second.Ready(); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("while the first runs: %v", err)
	}
	d := logbooktest.Draft("a", []byte("x"))
	if _, err := logbooktest.Append(t.Context(), second, d, []byte("x")); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("append while the first runs: %v", err)
	}
	if _, err := logbooktest.Append(t.Context(), first, d, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	logbooktest.Await(t, "the second server takes over", second.Opened())
	facts, err := logbooktest.Append(t.Context(), second, d, []byte("x"))
	if err != nil || !facts.Repeat {
		t.Errorf("after taking over: %+v, %v", facts, err)
	}
}

func TestCloseWhileWaiting(t *testing.T) {
	waiting := standby.Open(id, func() (logbook.Logbook, error) { return nil, errors.New("not yet") }, time.Hour)
	if err := waiting.Close(); err != nil {
		t.Fatal(err)
	}
	if waiting.Ready() == nil {
		t.Error("ready without a logbook")
	}
}
