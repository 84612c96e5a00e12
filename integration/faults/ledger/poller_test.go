package ledger

import (
	"os"
	"testing"
	"time"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

func (v *volume) look(p *Poller) {
	v.t.Helper()
	if err := p.Look(); err != nil {
		v.t.Fatal(err)
	}
}

// TestPollerFinds: what a poller saw in passing is in the report, though the
// volume was sound before and is again afterwards.
func TestPollerFinds(t *testing.T) {
	file := logfile.FileName(1)
	for name, test := range map[string]struct {
		damage func(v *volume)
		want   Kind
	}{
		"an empty file":   {func(v *volume) { v.write(file, nil) }, HalfWritten},
		"a cut file":      {func(v *volume) { v.write(file, v.read(file)[:200]) }, HalfWritten},
		"a flipped bit":   {flipLast, HalfWritten},
		"a torn line":     {func(v *volume) { v.write(logfile.ManifestName, []byte("{\"v\":1}\n")) }, Gap},
		"a gap":           {func(v *volume) { v.entries = v.entries[1:]; v.writeManifest() }, Gap},
		"a line of zeros": {func(v *volume) { v.write(logfile.ManifestName, append(make([]byte, 99), '\n')) }, Gap},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVolume(t, 3)
			before, line := v.read(file), v.read(logfile.ManifestName)
			test.damage(v)
			v.look(v.ledger.Poller(v.dir))
			v.write(file, before)
			v.write(logfile.ManifestName, line)
			if v.audit().Count(test.want) == 0 {
				t.Errorf("not found: %v", v.audit().Findings)
			}
		})
	}
}

// A poller that comes while a line is being written waits for its end, and one
// that comes before the first message finds nothing.
func TestPollerWaits(t *testing.T) {
	v := newVolume(t, 3)
	tear(v)
	p := v.ledger.Poller(v.dir)
	v.look(p)
	v.writeManifest()
	v.look(p)
	if p.lines != 3 {
		t.Errorf("%d lines read", p.lines)
	}
	expect(t, v.audit(), nil)
	empty := newVolume(t, 0)
	empty.remove(logfile.ManifestName)
	empty.look(empty.ledger.Poller(empty.dir))
}

// After a power cut names and lines may be gone for a while; once they are back
// they must be what they were.
func TestPollerRemembers(t *testing.T) {
	cut := func(v *volume) {
		v.look(v.ledger.Poller(v.dir))
		v.entries = v.entries[:2]
		v.remove(logfile.FileName(2))
		v.writeManifest()
		v.look(v.ledger.Poller(v.dir))
		v.ledger.accounts[key{v.entries[0].Sender, message.ID{1, 2}}].receipt = nil // what was seen is what counts here
	}
	t.Run("the same is back", func(t *testing.T) {
		v := newVolume(t, 3)
		file, lines := v.read(logfile.FileName(2)), v.read(logfile.ManifestName)
		cut(v)
		v.write(logfile.FileName(2), file)
		v.write(logfile.ManifestName, lines)
		expect(t, v.audit(), nil)
	})
	t.Run("it stays away", func(t *testing.T) {
		v := newVolume(t, 3)
		cut(v)
		expect(t, v.audit(), []Kind{Altered})
	})
	t.Run("another is there", func(t *testing.T) {
		v := newVolume(t, 3)
		cut(v)
		v.keepLater()
		v.look(v.ledger.Poller(v.dir))
		expect(t, v.audit(), []Kind{Altered})
	})
}

// keepLater writes message 2 once more, as received at another time.
func (v *volume) keepLater() {
	m := Message{Sender: v.entries[0].Sender, ID: message.ID{1, 2}}
	v.keep(2, m, "text of 2\n")
	v.entries[2].ReceivedAt = time.Unix(99, 0)
	v.writeManifest()
}

// An error of the volume is not a verdict.
func TestUnreadable(t *testing.T) {
	v := newVolume(t, 1)
	if err := os.RemoveAll(logs(v.dir, "")); err != nil {
		t.Fatal(err)
	}
	if _, err := v.ledger.Audit(v.dir); err == nil {
		t.Error("an audit of nothing")
	}
	if err := v.ledger.Poller(v.dir).Look(); err == nil {
		t.Error("a look at nothing")
	}
}
