package intake_test

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sealpost/services/server/intake"
	"sealpost/services/server/logbook/local"
	"sealpost/shared/framing"
)

const partStep = 2 * framing.InitialWindow

// keeping is a server that keeps parts of messages of this size.
func keeping(t *testing.T, o options) (*server, parcel) {
	o.volume.KeepParts, o.volume.PartStep = 24*time.Hour, partStep
	content := make([]byte, 3*partStep+5)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(content)
	return start(t, o), plain("long.bin", content)
}

// cutOff sends a message up to a byte, and breaks the connection when the server
// has taken that.
func (s *server) cutOff(t *testing.T, m parcel, from uint64, to int) {
	t.Helper()
	p := s.connect(t)
	p.begin(m, from, to)
	check(t, p.raw.Close())
}

// begin offers a message, and sends it up to a byte once the server has asked for
// it from an offset.
func (p *peer) begin(m parcel, from uint64, to int) {
	p.t.Helper()
	ref := p.next
	p.write(appendData(p.offer(m), m.body[:framing.InitialWindow]))
	p.wantAcceptFrom(ref, from)
	p.write(appendData(nil, m.body[max(from, framing.InitialWindow):to]))
}

// finish is begin to the end, with a receipt.
func (p *peer) finish(m parcel, from uint64) {
	p.t.Helper()
	ref := p.next
	p.begin(m, from, len(m.body))
	p.write(framing.Append(nil, framing.TypeEnd, nil))
	_, e := p.wantReceipt(ref)
	p.wantKept(m, e)
}

// awaitLeft waits until only the bystander is connected: what the others brought
// is a part by then, or gone.
func (s *server) awaitLeft(t *testing.T) {
	t.Helper()
	s.await(t, "the end of the other connections", func() bool { return s.metric(t, "sealpost_connections", "") == 1 })
}

// onTheirWay are the files of messages on their way in, and of parts.
func (s *server) onTheirWay(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, "staging", "[mp]-*"))
	check(t, err)
	return names
}

// A message that is cut off goes on where its last whole step ended, on another
// connection and on another server.
func TestResume(t *testing.T) {
	t.Parallel()
	s, m := keeping(t, options{})
	s.cutOff(t, m, 0, partStep+1)
	s.awaitLeft(t)
	s.cutOff(t, m, partStep, 2*partStep+7)
	s.awaitLeft(t)
	s.connect(t).finish(m, 2*partStep)
	s.logs.wait(t, 2, fields{"message": "message resumed", "id": hex.EncodeToString(m.ID[:])})
	s.wantMetric(t, "sealpost_resumed_bytes_total", "", 3*partStep-2*framing.InitialWindow)
	s.goesOn(t)
}

// The window travels before ACCEPT or behind it, cut into records anywhere.
func TestResumeInAnyRecords(t *testing.T) {
	t.Parallel()
	s, m := keeping(t, options{})
	travels := slices.Concat(m.body[:framing.InitialWindow], m.body[2*partStep:])
	for _, size := range []int{framing.MaxData, 60_000, 40_001} {
		m.ID[0]++
		s.cutOff(t, m, 0, 2*partStep+1)
		s.awaitLeft(t)
		p := s.connect(t)
		p.write(p.offer(m)) // not a byte before ACCEPT
		p.wantAcceptFrom(0, 2*partStep)
		for piece := range slices.Chunk(travels, size) {
			p.write(framing.Append(nil, framing.TypeData, piece))
		}
		p.write(framing.Append(nil, framing.TypeEnd, nil))
		_, e := p.wantReceipt(0)
		p.wantKept(m, e)
		check(t, p.raw.Close())
		s.awaitLeft(t)
	}
}

// A part of the whole message needs no byte more than the window.
func TestResumeAtTheEnd(t *testing.T) {
	t.Parallel()
	s, m := keeping(t, options{})
	m = plain("even.bin", m.plain[:2*partStep])
	s.cutOff(t, m, 0, len(m.body))
	s.awaitLeft(t)
	p := s.connect(t)
	p.write(framing.Append(appendData(p.offer(m), m.body[:framing.InitialWindow]), framing.TypeEnd, nil))
	p.wantAcceptFrom(0, 2*partStep)
	_, e := p.wantReceipt(0)
	p.wantKept(m, e)
}

// A new offer of the same content takes what a connection that is still there has
// brought; that one hears so, and goes on with other messages.
func TestResumeFromAnOpenConnection(t *testing.T) {
	t.Parallel()
	s, m := keeping(t, options{})
	first, second := s.connect(t), s.connect(t)
	first.begin(m, 0, partStep+1)
	s.await(t, "its first step", func() bool { return len(s.onTheirWay(t)) == 2 })
	second.begin(m, partStep, 2*partStep)
	first.write(appendData(nil, m.body[partStep+1:2*partStep]))
	first.wantRefusal(0, framing.CodeCancelled)
	first.write(framing.Append(nil, framing.TypeCancel, nil))
	second.write(framing.Append(appendData(nil, m.body[2*partStep:]), framing.TypeEnd, nil))
	_, e := second.wantReceipt(0)
	second.wantKept(m, e)
	first.write(first.offer(m))
	_, again := first.wantReceipt(1)
	if again.Seq != e.Seq {
		t.Errorf("numbers %d and %d", e.Seq, again.Seq)
	}
	first.write(framing.Append(nil, framing.TypeCancel, nil))
	s.goesOn(t)
}

// Whatever is wrong with a body that goes on, the part is dropped and the message
// taken whole: nobody can tell which of them was at fault.
func TestResumeSpoiled(t *testing.T) {
	t.Parallel()
	s, m := keeping(t, options{})
	end := framing.Append(nil, framing.TypeEnd, nil)
	other := slices.Clone(m.body)
	other[0] ^= 1
	other[len(other)-1] ^= 1
	window, rest := m.body[:framing.InitialWindow], m.body[2*partStep:]
	for name, sent := range map[string][]byte{
		"other bytes at the beginning": slices.Concat(appendData(nil, other[:framing.InitialWindow]), end),
		"other bytes at the end":       slices.Concat(appendData(appendData(nil, window), other[2*partStep:]), end),
		"a byte too few":               slices.Concat(appendData(appendData(nil, window), rest[1:]), end),
		"a byte too many":              slices.Concat(appendData(appendData(nil, window), rest), appendData(nil, window[:1])),
		"nothing":                      end,
	} {
		s.cutOff(t, m, 0, 2*partStep+1)
		s.awaitLeft(t)
		p := s.connect(t)
		p.write(p.offer(m))
		p.wantAcceptFrom(0, 2*partStep)
		p.write(sent)
		if name == "a byte too many" {
			p.write(end)
		}
		if r := p.wantRefusal(0, framing.CodePartSpoiled); !strings.Contains(r.Reason, "send it whole") {
			t.Errorf("%s: %q", name, r.Reason)
		}
		p.write(p.offer(m))
		p.wantAcceptFrom(1, 0)
		check(t, p.raw.Close())
		s.awaitLeft(t)
		if left := s.onTheirWay(t); len(left) > 0 {
			t.Errorf("%s: %q is left", name, left)
		}
	}
	s.wantMetric(t, "sealpost_refusals_total", framing.CodePartSpoiled.String(), 5)
	s.connect(t).finish(m, 0)
}

// A byte that has changed on the disk is found when the message goes on.
func TestResumeOfAChangedPart(t *testing.T) {
	t.Parallel()
	s, m := keeping(t, options{})
	s.cutOff(t, m, 0, 2*partStep+1)
	s.awaitLeft(t)
	names, err := filepath.Glob(filepath.Join(s.dir, "staging", "m-*"))
	check(t, err)
	text, err := os.ReadFile(names[0])
	check(t, err)
	text[framing.InitialWindow/2] ^= 1
	check(t, os.WriteFile(names[0], text, 0o644))
	p := s.connect(t)
	p.write(appendData(p.offer(m), m.body[:framing.InitialWindow]))
	p.wantAcceptFrom(0, 2*partStep)
	p.wantRefusal(0, framing.CodePartSpoiled)
	p.write(framing.Append(nil, framing.TypeCancel, nil))
	p.finish(m, 0)
}

// A sender that gives its message up, or sends it wrong from the first byte, has
// no part of it kept; that is a content mismatch as ever.
func TestNothingToResume(t *testing.T) {
	t.Parallel()
	s, m := keeping(t, options{})
	p := s.connect(t)
	p.begin(m, 0, 2*partStep+1)
	p.write(framing.Append(nil, framing.TypeCancel, nil))
	p.wantRefusal(0, framing.CodeCancelled)
	p.begin(m, 0, len(m.body)-1)
	p.write(framing.Append(appendData(nil, []byte{m.body[len(m.body)-1] ^ 1}), framing.TypeEnd, nil))
	p.wantRefusal(1, framing.CodeMismatch)
	enciphered := sealed("sealed.bin", m.plain)
	p.write(appendData(p.offer(enciphered), enciphered.body[:framing.InitialWindow]))
	p.wantAcceptFrom(2, 0)
	p.write(appendData(nil, enciphered.body[framing.InitialWindow:2*partStep]))
	check(t, p.raw.Close())
	s.awaitLeft(t)
	if left := s.onTheirWay(t); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
	s.connect(t).finish(m, 0)
}

// A message that finds no room in its middle is a part, and goes on when there is
// room again.
func TestResumeWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	const size = 5 << 19
	s, _ := keeping(t, options{limits: intake.Limits{Message: size}, volume: local.Config{MaxStaged: 4 << 20}})
	first, second := s.connect(t), s.connect(t)
	m, n := plain("first.bin", make([]byte, size)), plain("second.bin", make([]byte, size))
	first.begin(m, 0, framing.InitialWindow)
	second.begin(n, 0, framing.InitialWindow)
	first.write(appendData(nil, m.body[framing.InitialWindow:]))
	s.await(t, "all of the first one", func() bool {
		return slices.ContainsFunc(s.onTheirWay(t), func(name string) bool {
			info, err := os.Stat(name)
			return err == nil && info.Size() > size-1<<15 // less than that is in memory
		})
	})
	go func() { _, _ = second.conn.Write(appendData(nil, n.body[framing.InitialWindow:])) }() // up to the refusal
	second.wantRefusal(0, framing.CodeNoSpace)
	first.write(framing.Append(nil, framing.TypeEnd, nil))
	_, e := first.wantReceipt(0)
	first.wantKept(m, e)
	third := s.connect(t)
	third.write(appendData(third.offer(n), n.body[:framing.InitialWindow]))
	a, err := framing.ParseAccept(third.want(framing.TypeAccept))
	check(t, err)
	if a.Offset == 0 || a.Offset%partStep != 0 {
		t.Errorf("it goes on from byte %d", a.Offset)
	}
	third.write(framing.Append(appendData(nil, n.body[a.Offset:]), framing.TypeEnd, nil))
	_, e = third.wantReceipt(0)
	third.wantKept(n, e)
}
