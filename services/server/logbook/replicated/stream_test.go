package replicated

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/natstest"
	"sealpost/services/server/logbook/replicated/stream"
)

// streamLog makes a log on a cluster, which says how log files are written, and which
// servers count, and returns how to connect to it.
func streamLog(t testing.TB, nodes *natstest.Cluster, name string, servers ...string) func() StreamLog {
	t.Helper()
	cfg := nodes.Config(name)
	nodes.Create(name, stream.Settings{Replicas: 3, MaxBytes: 256 << 20})
	connect := func() StreamLog {
		s, err := stream.Connect(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return StreamLog{s}
	}
	log, rules := connect(), settings()
	publish(t, log, entry.Header{Kind: entry.KindSettings, Settings: &rules})
	publish(t, log, entry.Header{Kind: entry.KindServers, Seen: entry.Seen{Position: 1},
		Servers: &entry.Servers{Add: servers}})
	return connect
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
