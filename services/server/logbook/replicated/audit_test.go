package replicated

import (
	"errors"
	"slices"
	"testing"
	"time"

	"sealpost/services/server/stream"
)

func TestDamaged(t *testing.T) {
	for name, test := range map[string]struct {
		info stream.Info
		read uint64
		want bool
	}{
		"empty":                 {stream.Info{First: 1}, 0, false},
		"whole":                 {stream.Info{First: 1, Last: 9, Entries: 9}, 9, false},
		"more than was read":    {stream.Info{First: 1, Last: 9, Entries: 9}, 5, false},
		"trimmed":               {stream.Info{First: 5, Last: 9, Entries: 5}, 9, false},
		"trimmed to nothing":    {stream.Info{First: 10, Last: 9}, 9, false},
		"a hole":                {stream.Info{First: 1, Last: 9, Entries: 8}, 5, true},
		"less than was read":    {stream.Info{First: 1, Last: 9, Entries: 9}, 10, true},
		"empty, and was not":    {stream.Info{First: 1}, 1, true},
		"nothing, and no place": {stream.Info{First: 12, Last: 9}, 9, true},
	} {
		if got := damaged(test.info, test.read); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A node that lacks entries is made to step down, as often as there are other nodes, and
// nothing is taken while it leads. One that was whole meanwhile is made to again.
func TestDamagedNodeLeads(t *testing.T) {
	log := begun(t, "a")
	putMessage(t, log, "x")
	cfg := testConfig(t.TempDir(), "a", log)
	cfg.AuditEvery = time.Millisecond
	book := ready(t, open(t, cfg))
	want := []string{}
	for range 2 {
		damagedNodeLeads(t, book, log)
		if want = append(want, "n2", "n2"); !slices.Equal(log.stepped, want) {
			t.Errorf("these were to step down: %v", log.stepped)
		}
	}
}

// damagedNodeLeads has a node lead that lacks entries, and then one that lacks none.
func damagedNodeLeads(t *testing.T, book *Logbook, log *handLog) {
	t.Helper()
	log.set(func(l *handLog) {
		l.info = &stream.Info{
			First: 1, Last: 2, Entries: 2, Leader: "n2", Peers: []stream.Peer{{Name: "n1"}, {Name: "n3"}},
		}
	})
	var damage *DamageError
	soon(t, "the server says why", func() bool { return errors.As(book.Ready(), &damage) })
	if damage.Node != "n2" || damage.Read != 3 {
		t.Errorf("got %+v", damage)
	}
	asked := func() (n int) { log.set(func(l *handLog) { n = l.asked }); return n }
	before := asked()
	soon(t, "more audits", func() bool { return asked() > before+3 })
	log.set(func(l *handLog) { l.info = nil })
	ready(t, book)
}

// Who leads may have an entry a moment later than the node that this server reads from.
func TestLeaderAMomentBehind(t *testing.T) {
	log := begun(t, "a")
	cfg := testConfig(t.TempDir(), "a", log)
	cfg.AuditEvery = time.Hour
	audit := auditor{Logbook: ready(t, open(t, cfg))}
	behind := stream.Info{First: 1, Last: 1, Entries: 1, Leader: "n2", Peers: []stream.Peer{{Name: "n1"}}}
	for looks, want := range []int{0, 1} { // the second time the server had read that at the first
		log.set(func(l *handLog) { l.info = &behind })
		if audit.look(); len(log.stepped) != want {
			t.Errorf("after %d looks these were to step down: %v", looks+1, log.stepped)
		}
	}
}

// A log that may lose what it acknowledged is not written to, also where that comes later.
func TestUnfitLog(t *testing.T) {
	log := begun(t, "a")
	log.unfit = errors.New("no answer")
	cfg := testConfig(t.TempDir(), "a", log)
	cfg.AuditEvery, cfg.CheckEvery = time.Millisecond, time.Millisecond
	book := open(t, cfg)
	soon(t, "the server waits for an answer", func() bool { return errors.Is(book.Ready(), errUnchecked) })
	log.set(func(l *handLog) { l.unfit = nil })
	ready(t, book)
	for _, unfit := range []error{&stream.SettingsError{Field: "discard"}, &stream.NodeError{Field: "sync_interval"}} {
		log.set(func(l *handLog) { l.unfit = unfit })
		soon(t, "the server says why", func() bool { return errors.Is(book.Ready(), unfit) })
		log.set(func(l *handLog) { l.unfit = errors.New("no answer") })
		asked := func() (n int) { log.set(func(l *handLog) { n = l.asked }); return n }
		before := asked()
		soon(t, "more audits", func() bool { return asked() > before+3 })
		if err := book.Ready(); !errors.Is(err, unfit) {
			t.Errorf("without an answer: %v", err)
		}
		log.set(func(l *handLog) { l.unfit = nil })
		ready(t, book)
	}
}

// The nodes are asked again when one comes back, whatever was known before.
func TestNodeComesBack(t *testing.T) {
	log := begun(t, "a")
	cfg := testConfig(t.TempDir(), "a", log)
	cfg.AuditEvery, cfg.CheckEvery = time.Millisecond, time.Hour
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	say := func(offline bool) {
		said := info
		said.Peers = []stream.Peer{{Name: "n2", Offline: offline}}
		log.set(func(l *handLog) { l.info = &said })
	}
	say(true)
	book := ready(t, open(t, cfg))
	unfit := &stream.NodeError{Node: "n2", Field: "sync_interval"}
	log.set(func(l *handLog) { l.unfit = unfit })
	say(false)
	soon(t, "the server says why", func() bool { return errors.Is(book.Ready(), unfit) })
}
