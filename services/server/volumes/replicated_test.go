package volumes

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/state"
	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
)

const logName = "SEALPOST"

// several are servers that have one logbook, with volumes of their own.
type several struct {
	t      *testing.T
	nodes  *natstest.Cluster
	secret []byte
	data   []string
	states []*state.State
	said   []*said
}

// startSeveral makes the nodes of a log, and the volumes of two servers.
func startSeveral(t *testing.T) *several {
	s := &several{t: t, nodes: natstest.Start(t, natstest.Options{}), secret: []byte("a secret")}
	s.nodes.Create(logName, stream.Settings{MaxBytes: 64 << 20})
	for i := range 2 {
		root := durabletest.MemoryDir(t)
		dir := filepath.Join(root, "state")
		if i > 0 { // the same identity, and logbook
			check(t, s.states[0].CopyTo(dir))
		}
		st, err := state.Open(dir)
		check(t, err)
		t.Cleanup(func() { _ = st.Close() })
		data := filepath.Join(root, "data")
		check(t, os.MkdirAll(data, 0o755))
		s.data, s.states, s.said = append(s.data, data), append(s.states, st), append(s.said, new(said))
	}
	rules := entry.Settings{Zone: "UTC", ZoneRules: entry.RulesOf(time.UTC), CiphertextMax: 1 << 20}
	s.publish(entry.Header{Kind: entry.KindSettings, Settings: &rules})
	s.publish(entry.Header{Kind: entry.KindServers, Seen: entry.Seen{Position: 1},
		Servers: &entry.Servers{Add: []string{"a", "b"}}})
	return s
}

func (s *several) connect() replicated.StreamLog {
	s.t.Helper()
	log, err := stream.Connect(s.t.Context(), s.nodes.Config(logName))
	check(s.t, err)
	s.t.Cleanup(log.Close)
	return replicated.StreamLog{Stream: log}
}

func (s *several) publish(h entry.Header) {
	s.t.Helper()
	data, err := entry.NewKey(s.secret, s.states[0].LogbookID()).Seal(h, nil)
	check(s.t, err)
	came := make(chan error, 1)
	s.connect().Publish(data, func(_ uint64, err error) { came <- err })
	check(s.t, logbooktest.Await(s.t, "the acknowledgement", came))
}

// running is one of the servers.
type running struct {
	*memory
	stop func() error // once
}

// run starts a server.
func (s *several) run(i int, policy local.Policy) running {
	s.t.Helper()
	log := zerolog.New(s.said[i])
	cfg, err := configOf(local.Config{Dir: s.data[i], Log: log}, s.states[i])
	check(s.t, err)
	book, err := replicated.Open(replicated.Config{
		Local: cfg, Log: s.connect(), Secret: s.secret, Server: string(rune('a' + i)),
	})
	check(s.t, err)
	m := remembered(Opened{book, book.Logbook, book.Retirer, book.Whole}, s.states[i], policy, log)
	r := running{m, sync.OnceValue(m.Close)}
	s.t.Cleanup(func() { _ = r.stop() })
	return r
}

// note returns the list of retired messages of a server.
func (s *several) note(i int) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.data[i], fit.RetiredPath))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	return string(text)
}

// What a command, or a policy, has one server retire goes on all, and each says so.
func TestRetireOnSeveralServers(t *testing.T) {
	s := startSeveral(t)
	books := []running{s.run(0, local.Policy{}), s.run(1, local.Policy{})}
	for _, book := range books {
		logbooktest.Soon(t, "the server is ready", func() bool { return book.Ready() == nil })
	}
	for range 6 {
		_, err := logbooktest.Append(t.Context(), books[0], logbooktest.Draft("a", nil), nil)
		check(t, err)
	}
	command, err := state.Open(filepath.Join(filepath.Dir(s.data[1]), "state"))
	check(t, err)
	defer command.Close()
	logbooktest.Soon(t, "the other server has them", func() bool { return there(t, s.data[1], 5) })
	done, err := Retire(t.Context(), s.data[1], command, order(0, 1), true)
	check(t, err)
	if done.Numbers.String() != "0-1" || done.Bytes == 0 {
		t.Errorf("done %+v", done)
	}
	gone := func(n uint64) func() bool {
		return func() bool { return !there(t, s.data[0], n) && !there(t, s.data[1], n) }
	}
	logbooktest.Soon(t, "the files go everywhere", func() bool { return gone(0)() && gone(1)() })
	const numbers = `"numbers":"0-1","messages":2,`
	if s.said[1].count(`"by":"command",`+numbers) != 1 || s.said[0].count(`"by":"log",`+numbers) != 1 {
		t.Errorf("the servers say\n%s\n%s", s.said[0].text.String(), s.said[1].text.String())
	}
	for _, book := range books {
		check(t, book.stop())
	}
	if _, err := Retire(t.Context(), s.data[1], command, order(2, 2), true); !errors.Is(err, ErrNotRunning) {
		t.Errorf("without a server: %v", err)
	}
	info, err := os.Stat(filepath.Join(s.data[0], "logs", logfile.FileName(5)))
	check(t, err)
	policy := local.Policy{Bytes: 2 * uint64(info.Size())}
	books = []running{s.run(0, policy), s.run(1, policy)}
	logbooktest.Soon(t, "the files go everywhere", func() bool { return gone(2)() && gone(3)() })
	for i, book := range books {
		check(t, book.stop())
		if !there(t, s.data[i], 4) || s.note(i) != s.note(0) || s.note(i) == "" {
			t.Errorf("server %d lists\n%s", i, s.note(i))
		}
		found, err := Verify(s.data[i], s.states[i], func(d local.Difference) { t.Error(d) })
		if err != nil || found != (local.Verified{Checked: 6, Retired: 4}) {
			t.Errorf("%+v, %v", found, err)
		}
		if serial, err := s.states[i].RetiredSerial(); serial != 2 || err != nil {
			t.Errorf("the state knows serial %d, %v", serial, err)
		}
	}
}
