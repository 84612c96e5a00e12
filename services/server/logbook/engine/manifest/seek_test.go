package manifest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/numbers"
)

// TestEach finds lines of very different lengths in a manifest of several windows.
func TestEach(t *testing.T) {
	vol := disk.New(t.TempDir())
	if err := vol.Prepare(); err != nil {
		t.Fatal(err)
	}
	m, err := Open(vol)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	const count = 2000
	for seq := range uint64(count) {
		name := strings.Repeat("n", 1+int(seq*seq)%250)
		line, err := logfile.Entry{
			V: 1, Seq: seq, File: logfile.FileName(seq), Sender: "store-17", Name: name, Cipher: message.None,
			ReceivedAt: time.Unix(1e9, 0),
		}.Line()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Append([][]byte{line}); err != nil {
			t.Fatal(err)
		}
	}
	if m.End().Bytes < 5*searchWindow {
		t.Fatal("the manifest is too short to be searched")
	}
	for first := uint64(0); first < count+2; first += 7 {
		last := first + first%11
		next := first
		err := m.Each(numbers.Range{First: first, Last: last}, func(e logfile.Entry) error {
			if e.Seq != next {
				t.Fatalf("%d to %d: %d instead of %d", first, last, e.Seq, next)
			}
			next++
			return nil
		})
		if want := max(first, min(last+1, count)); err != nil || next != want {
			t.Fatalf("%d to %d: up to %d, %v", first, last, next, err)
		}
	}
	enough := errors.New("enough")
	if err := m.Each(numbers.One(count/2), func(logfile.Entry) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("ended with %v", err)
	}
	if n, err := m.before(count-10, m.End()); err != nil || m.End().Bytes-n.Bytes > 2*searchWindow {
		t.Errorf("reading begins at byte %d of %d, %v", n.Bytes, m.End().Bytes, err)
	}
}
