package intake

import (
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/state"
)

// The text of a 2012 message has at most spoolMemory bytes in memory; what is
// more is on the volume, all of it.
func TestSpoolSpills(t *testing.T) {
	dir := t.TempDir()
	st, err := state.Open(filepath.Join(dir, "state"))
	must(t, err)
	defer func() { must(t, st.Close()) }()
	book, err := local.Open(local.Config{Dir: dir, ID: st.LogbookID(), Notary: st, Log: zerolog.Nop()})
	must(t, err)
	defer func() { must(t, book.Close()) }()
	s, err := newSpool(t.Context(), book, 1<<20)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	most := 0
	for range 256 {
		_, err := s.Write(make([]byte, 1<<10))
		must(t, err)
		most = max(most, cap(s.memory))
	}
	t.Logf("%d bytes were in memory at most", most)
	if most > 2*spoolMemory || len(s.memory) > 0 || s.scratch == nil {
		t.Errorf("%d bytes were in memory, %d still are", most, len(s.memory))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
