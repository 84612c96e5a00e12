package fold

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/shared/message"
)

var key = entry.NewKey([]byte("a secret"), "0123456789abcdef0123456789abcdef")

// script is a log made by hand.
type script struct {
	t       *testing.T
	at      uint64
	clock   time.Time
	entries []Entry
}

func newScript(t *testing.T) *script {
	return &script{t: t, clock: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
}

// add adds an entry of a server that had read everything before it, unless h says
// otherwise.
func (s *script) add(h entry.Header, body ...byte) Entry {
	s.t.Helper()
	if h.Seen == (entry.Seen{}) {
		h.Seen = entry.Seen{Position: s.at, Chain: s.chain(s.at)}
	}
	data, err := key.Seal(h, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.raw(data)
}

func (s *script) raw(data []byte) Entry {
	s.at++
	s.clock = s.clock.Add(time.Second)
	s.entries = append(s.entries, Entry{Position: s.at, Time: s.clock, Data: data})
	return s.entries[s.at-1]
}

func (s *script) chain(position uint64) (c entry.Chain) {
	for _, e := range s.entries[:position] {
		c = entry.Next(c, e.Position, e.Time, e.Data)
	}
	return c
}

func rules(zone string) entry.Settings {
	at, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	return entry.Settings{Zone: zone, ZoneRules: entry.RulesOf(at), CiphertextMax: 100}
}

func (s *script) settings(r entry.Settings) Entry {
	return s.add(entry.Header{Kind: entry.KindSettings, Settings: &r})
}

func (s *script) servers(names ...string) Entry {
	return s.add(entry.Header{Kind: entry.KindServers, Servers: &entry.Servers{Add: names}})
}

func declare(content string) entry.Message {
	return entry.Message{
		Sender: "store-17", ID: message.NewID(), Name: "report.txt", Cipher: message.None,
		Size: uint64(len(content)), SHA256: sha256.Sum256([]byte(content)),
	}
}

func (s *script) message(content string) Entry {
	m := declare(content)
	return s.add(entry.Header{Kind: entry.KindMessage, Server: "a", Message: &m}, []byte(content)...)
}

// take folds all that is in the script and not folded yet.
func (s *script) take(f *Fold) (last Step) {
	s.t.Helper()
	for _, e := range s.entries[f.state.Position:] {
		var err error
		if last, err = f.Take(e); err != nil {
			s.t.Fatal(err)
		}
	}
	return last
}

func begin(t *testing.T, server string, from State) *Fold {
	t.Helper()
	f, err := New(key, server, from)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestOrder(t *testing.T) {
	s := newScript(t)
	s.settings(rules("UTC"))
	for range 3 {
		s.message("x")
	}
	f := begin(t, "a", State{})
	s.take(f)
	for _, position := range []uint64{0, 4, 6} {
		e := s.entries[3]
		e.Position = position
		var order *OrderError
		if _, err := f.Take(e); !errors.As(err, &order) || order.Want != 5 || order.Got != position {
			t.Errorf("position %d behind 4: %v", position, err)
		}
	}
	if seen := f.Seen(); seen.Position != 4 || seen.Chain != s.chain(4) {
		t.Errorf("what does not come in order is folded: %+v", seen)
	}
}

// A fold that goes on from any state comes to the same as one that never ended.
func TestGoesOn(t *testing.T) {
	s := newScript(t)
	s.settings(rules("UTC"))
	s.servers("a", "b")
	for i := range 20 {
		switch i % 4 {
		case 0:
			s.raw([]byte("a stray publish"))
		case 1:
			s.add(entry.Header{Kind: entry.KindChunk, Chunk: &entry.Chunk{Index: 1}}, 1)
		case 2:
			s.add(entry.Header{Kind: entry.KindNote, Server: "b", Note: &entry.Note{Durable: uint64(i)}})
		default:
			s.message(fmt.Sprint(i))
		}
	}
	whole := begin(t, "a", State{})
	s.take(whole)
	for n := range s.entries {
		f := begin(t, "a", State{})
		for _, e := range s.entries[:n] {
			if _, err := f.Take(e); err != nil {
				t.Fatal(err)
			}
		}
		again := begin(t, "a", f.State())
		s.take(again)
		if have, want := fmt.Sprintf("%+v", again.State().Servers), fmt.Sprintf("%+v", whole.State().Servers); have != want {
			t.Errorf("from %d: %s, expected %s", n, have, want)
		}
		if again.Seen() != whole.Seen() || again.State().Needed() != whole.State().Needed() {
			t.Errorf("from %d: %+v, expected %+v", n, again.State(), whole.State())
		}
	}
}

func TestStrayPublish(t *testing.T) {
	s := newScript(t)
	s.settings(rules("UTC"))
	f := begin(t, "a", State{})
	for _, data := range [][]byte{nil, []byte("x"), make([]byte, 100)} {
		s.raw(data)
		if step := s.take(f); !errors.Is(step.Void, entry.ErrForged) {
			t.Errorf("%q: %v", data, step.Void)
		}
	}
	s.message("x")
	if step := s.take(f); step.Void != nil || string(step.Body) != "x" {
		t.Errorf("what follows: %+v", step)
	}
}

// A newer version, or a zone that this server does not have, ends the fold in front of it.
func TestEndsBefore(t *testing.T) {
	s := newScript(t)
	s.settings(rules("UTC"))
	f := begin(t, "a", State{})
	s.take(f)
	moved := rules("Europe/Berlin")
	moved.ZoneRules[0]++
	var zone *ZoneError
	for _, other := range []entry.Settings{{Zone: "Atlantis/Poseidonis"}, moved} {
		e := s.settings(other)
		if _, err := f.Take(e); !errors.As(err, &zone) || zone.Zone != other.Zone {
			t.Errorf("%s: %v", other.Zone, err)
		}
		if f.Seen().Position != 1 {
			t.Fatal("it was passed")
		}
		s.at, s.entries = 1, s.entries[:1]
	}
	good := s.message("x")
	if _, err := f.Take(good); err != nil {
		t.Error(err)
	}
}

func TestNewerVersionEndsIt(t *testing.T) {
	s := newScript(t)
	s.settings(rules("UTC"))
	f := begin(t, "a", State{})
	s.take(f)
	e := s.raw(sealed(`{"v":2,"kind":"song"}`))
	var newer *entry.VersionError
	if _, err := f.Take(e); !errors.As(err, &newer) || newer.Version != 2 {
		t.Errorf("got %v", err)
	}
	if at := f.Seen().Position; at != 1 {
		t.Errorf("it was passed: %d", at)
	}
}

// sealed is an entry with a header that this version does not write.
func sealed(header string) []byte {
	data := binary.BigEndian.AppendUint32(nil, uint32(len(header)))
	data = append(data, header...)
	mac := hmac.New(sha256.New, []byte("a secret"))
	mac.Write([]byte("sealpost replicated log 0123456789abcdef0123456789abcdef"))
	mac = hmac.New(sha256.New, mac.Sum(nil))
	mac.Write(data)
	return append(data, mac.Sum(nil)...)
}

func TestSettingsHoldFromThereOn(t *testing.T) {
	s := newScript(t)
	s.message("before any settings")
	f := begin(t, "a", State{})
	if step := s.take(f); !errors.Is(step.Void, errNoSettings) {
		t.Errorf("before any settings: %v", step.Void)
	}
	s.settings(rules("UTC"))
	first := s.entries[1]
	s.settings(rules("Europe/Berlin"))
	s.take(f)
	if r, zone := f.Settings(); r.Zone != "Europe/Berlin" || zone.String() != "Europe/Berlin" {
		t.Errorf("settings %+v, zone %v", r, zone)
	}
	// Published by who did not know the newest, or published again by anybody.
	late := rules("UTC")
	s.add(entry.Header{Kind: entry.KindSettings, Seen: entry.Seen{Position: 1}, Settings: &late})
	for _, step := range []Step{s.take(f), func() Step { s.raw(first.Data); return s.take(f) }()} {
		if !errors.Is(step.Void, errOvertaken) {
			t.Errorf("overtaken settings: %v", step.Void)
		}
	}
	if r, _ := f.Settings(); r.Zone != "Europe/Berlin" {
		t.Errorf("settings are %+v", r)
	}
}

func TestServersComeAndGo(t *testing.T) {
	s := newScript(t)
	s.servers("a", "b")
	s.add(entry.Header{Kind: entry.KindNote, Server: "b", Note: &entry.Note{Durable: 1}})
	s.servers("b", "c")
	f := begin(t, "a", State{})
	s.take(f)
	if of := f.State().Servers; len(of) != 3 || of["b"].Durable != 1 {
		t.Errorf("%+v", of)
	}
	s.add(entry.Header{Kind: entry.KindServers, Servers: &entry.Servers{Forget: []string{"b"}}})
	s.add(entry.Header{Kind: entry.KindServers, Seen: entry.Seen{Position: 1},
		Servers: &entry.Servers{Add: []string{"b"}}})
	if step := s.take(f); !errors.Is(step.Void, errOvertaken) {
		t.Errorf("overtaken: %v", step.Void)
	}
	if _, counts := f.State().Servers["b"]; counts {
		t.Error("a server that was forgotten counts")
	}
}

// A note never goes back, and nobody keeps what is not there yet.
func TestNotes(t *testing.T) {
	s := newScript(t)
	s.servers("b")
	f := begin(t, "a", State{})
	for _, note := range []struct{ durable, want uint64 }{{1, 1}, {100, 1}, {3, 3}, {2, 3}} {
		s.add(entry.Header{Kind: entry.KindNote, Server: "b", Note: &entry.Note{Durable: note.durable}})
		s.add(entry.Header{Kind: entry.KindNote, Server: "nobody", Note: &entry.Note{Durable: 1}})
		s.take(f)
		if got := f.State().Servers; got["b"].Durable != note.want || len(got) != 1 {
			t.Errorf("noted %d: %+v", note.durable, got)
		}
	}
}
