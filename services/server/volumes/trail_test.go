package volumes

import (
	"bytes"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/state"
)

// said is a log that is read while it is written.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.text.String(), what)
}

// What a running server retires is in its log, with who asked for it.
func TestTrailOfRetiring(t *testing.T) {
	var log said
	data, _, stop := kept(t, 4, local.Config{Log: zerolog.New(&log)})
	command, err := state.Open(filepath.Join(filepath.Dir(data), "state"))
	check(t, err)
	defer command.Close()
	_, err = Retire(t.Context(), data, command, order(0, 1), false)
	check(t, err)
	if n := log.count(`"audit":"messages retired","by":"command","numbers":"0-1","messages":2,`); n != 1 {
		t.Errorf("%d lines of the order:\n%s", n, log.text.String())
	}
	stop()
	opener := NewOpener(local.Config{Dir: data, Log: zerolog.New(&log), Retain: local.Policy{Bytes: 1}}, command)
	defer opener.Close()
	book, err := opener.Open()
	check(t, err)
	defer book.Close()
	soon(t, func() bool { return log.count(`"audit":"messages retired","by":"policy","numbers":"2`) == 1 })
}

// A server that carries out an acceptance which was cut short says so.
func TestTrailOfAnAcceptance(t *testing.T) {
	_, data, st := misfit(t)
	was, err := fit.ReadID(data)
	check(t, err)
	accepted := strings.Repeat("1", 32)
	check(t, st.Accept(state.Acceptance{ID: accepted, Was: was}))
	var log said
	opener := NewOpener(local.Config{Dir: data, Log: zerolog.New(&log)}, st)
	defer opener.Close()
	book, err := opener.Open()
	check(t, err)
	check(t, book.Close())
	want := `"audit":"logbook accepted","by":"state volume","logbook":"` + accepted + `","log_volume":"` + was + `"`
	if log.count(want) != 1 {
		t.Errorf("the log lacks %s:\n%s", want, log.text.String())
	}
}
