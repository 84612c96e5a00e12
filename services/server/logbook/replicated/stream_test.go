package replicated

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
)

// streamLog makes a log on a cluster, which says how log files are written, and which
// servers count, and returns how to connect to it.
func streamLog(t testing.TB, nodes *natstest.Cluster, name string, servers ...string) func() StreamLog {
	t.Helper()
	return sizedLog(t, nodes, name, 256<<20, servers...)
}

func sizedLog(t testing.TB, nodes *natstest.Cluster, name string, most int64, servers ...string) func() StreamLog {
	t.Helper()
	cfg := nodes.Config(name)
	nodes.Create(name, stream.Settings{Replicas: 3, MaxBytes: most})
	connect := func() StreamLog { return connected(t, cfg) }
	log, rules := connect(), settings()
	publish(t, log, entry.Header{Kind: entry.KindSettings, Settings: &rules})
	publish(t, log, entry.Header{Kind: entry.KindServers, Seen: entry.Seen{Position: 1},
		Servers: &entry.Servers{Add: servers}})
	return connect
}

func connected(t testing.TB, cfg stream.Config) StreamLog {
	t.Helper()
	s, err := stream.Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return StreamLog{s}
}

func publish(t testing.TB, log Log, h entry.Header) {
	t.Helper()
	data, err := testKey.Seal(h, nil)
	if err != nil {
		t.Fatal(err)
	}
	came := make(chan error, 1)
	log.Publish(data, func(_ uint64, err error) { came <- err })
	if err := logbooktest.Await(t, "the acknowledgement", came); err != nil {
		t.Fatal(err)
	}
}

func TestContractOnNATS(t *testing.T) {
	nodes, n := natstest.Start(t, natstest.Options{}), 0
	logbooktest.Run(t, func(t *testing.T) logbooktest.Fixture {
		n++
		return fixture(t.TempDir(), streamLog(t, nodes, fmt.Sprint("SEALPOST_", n), "a")())
	})
}

// The leader's node is killed while two servers take messages: every message is kept once,
// under one number, on both volumes.
func TestLeaderIsKilled(t *testing.T) {
	nodes := natstest.Start(t, natstest.Options{})
	connect := streamLog(t, nodes, "SEALPOST", "a", "b")
	dirs := []string{t.TempDir(), t.TempDir()}
	books := []*Logbook{
		ready(t, open(t, testConfig(dirs[0], "a", connect()))), ready(t, open(t, testConfig(dirs[1], "b", connect()))),
	}
	const each = 200
	drafts := make([]logbook.Draft, each)
	for i := range drafts {
		drafts[i] = logbooktest.Draft("a", fmt.Append(nil, i))
	}
	var wg sync.WaitGroup
	for _, book := range books { // both bring all
		wg.Go(func() {
			for i, d := range drafts {
				if err := keep(t, book, d, fmt.Append(nil, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	soon(t, "a part is kept", func() bool { return books[0].Len() > each/4 })
	nodes.Leader("SEALPOST").Kill()
	wg.Wait()
	for _, book := range books {
		soon(t, "all is kept", func() bool { return book.Len() == each })
	}
	equal(t, dirs[0], dirs[1])
}

// keep sends a message again and again, as a client does, until it is kept.
func keep(t *testing.T, book *Logbook, d logbook.Draft, content []byte) (err error) {
	for deadline := time.Now().Add(logbooktest.Patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var facts logbook.Facts
		if facts, err = logbooktest.Append(t.Context(), book, d, content); err == nil && facts.Matches(d) {
			return nil
		}
	}
	return err
}

// The nodes' log is trimmed, and who begins behind that with the volume that it takes comes
// to the same as who was there from the start.
func TestTrimOnNATS(t *testing.T) {
	nodes := natstest.Start(t, natstest.Options{})
	nodes.Create("SEALPOST", stream.Settings{MaxBytes: 256 << 20})
	connect := func() StreamLog { return connected(t, nodes.Config("SEALPOST")) }
	dirs := []string{t.TempDir(), t.TempDir()}
	cfg := trimConfig(dirs[0], "a", connect())
	cfg.NoteEvery, cfg.AuditEvery, cfg.KeepFor = 100*time.Millisecond, time.Second, time.Nanosecond
	first := open(t, cfg)
	soon(t, "the log is read, and empty", func() bool { return first.Ready() == nil })
	log, rules := connect(), settings()
	add := func(server string) { // notes of the first come in between
		info, err := log.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		publish(t, log, entry.Header{Kind: entry.KindServers, Seen: entry.Seen{Position: info.Last},
			Servers: &entry.Servers{Add: []string{server}}})
	}
	publish(t, log, entry.Header{Kind: entry.KindSettings, Settings: &rules})
	add("a")
	ready(t, first)
	soon(t, "the log is trimmed", func() bool {
		info, err := log.Info(t.Context())
		return err == nil && info.First == 2
	})
	add("b")
	d := logbooktest.Draft("a", []byte("x"))
	if err := keep(t, first, d, []byte("x")); err != nil {
		t.Fatal(err)
	}
	second := ready(t, open(t, testConfig(dirs[1], "b", connect())))
	soon(t, "it is kept", func() bool { return second.Len() == 1 })
	equal(t, dirs[0], dirs[1])
}
