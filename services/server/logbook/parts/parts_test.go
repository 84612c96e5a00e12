package parts

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/message"
)

const name = disk.StagingDir + "/" + disk.PartPrefix + "1"

func volume(t *testing.T) *disk.Volume {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, disk.StagingDir), 0o700); err != nil {
		t.Fatal(err)
	}
	return disk.New(dir)
}

// state has the longest names there are.
func state(offset uint64) State {
	return State{
		Draft: logbook.Draft{ID: message.ID{1}, Sender: strings.Repeat("s", message.MaxSender),
			Name: strings.Repeat(`"`, message.MaxName), Cipher: message.None, Size: 1 << 40, SHA256: [32]byte{2}},
		Received: time.Unix(1, 2).UTC(), Offset: offset, Message: make([]byte, 108), Whole: make([]byte, 108),
		Saved: time.Unix(3, 4).UTC(),
	}
}

func save(t *testing.T, f *File, offset uint64) {
	t.Helper()
	if err := f.Save(state(offset)); err != nil {
		t.Fatal(err)
	}
}

func wantNewest(t *testing.T, vol *disk.Volume, offset uint64) {
	t.Helper()
	if s, err := Read(vol, name); err != nil || !reflect.DeepEqual(s, state(offset)) {
		t.Errorf("read %+v, %v", s, err)
	}
}

// The newest state is the one that is read, also by who goes on with it; it takes
// the place of the older one, never of itself.
func TestStates(t *testing.T) {
	vol := volume(t)
	f, err := Create(vol, name)
	if err != nil {
		t.Fatal(err)
	}
	for offset := range uint64(5) {
		save(t, f, offset)
		wantNewest(t, vol, offset)
		if offset%2 == 0 {
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if f, err = Reopen(vol, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	tear(t, vol, 4%2*place)
	wantNewest(t, vol, 3)
	tear(t, vol, 3%2*place)
	if s, err := Read(vol, name); !errors.Is(err, ErrNone) {
		t.Errorf("of none: %+v, %v", s, err)
	}
}

// tear alters a byte of what stands in a place.
func tear(t *testing.T, vol *disk.Volume, at int64) {
	t.Helper()
	f, err := os.OpenFile(vol.Path(name), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("!"), at+100); err != nil {
		t.Fatal(err)
	}
}

// What is no file of states is told from one that cannot be read.
func TestNoStates(t *testing.T) {
	vol := volume(t)
	if _, err := Read(vol, name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
	if _, err := Reopen(vol, name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
	if err := os.WriteFile(vol.Path(name), make([]byte, FileSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(vol, name); err == nil {
		t.Error("a longer file is read")
	}
}

// FuzzState: whatever stands in a file is read as what somebody wrote, or not.
func FuzzState(f *testing.F) {
	vol := disk.New(f.TempDir())
	if err := os.Mkdir(vol.Staging(""), 0o700); err != nil {
		f.Fatal(err)
	}
	file, err := Create(vol, name)
	if err != nil {
		f.Fatal(err)
	}
	for offset := range uint64(2) {
		if err := file.Save(state(offset)); err != nil {
			f.Fatal(err)
		}
	}
	text, err := os.ReadFile(vol.Path(name))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", string(text), string(text[:place]), string(text[place:]), "00000000 {}\n", "\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, ok := parse(text)
		if !ok && !reflect.DeepEqual(s, State{}) {
			t.Errorf("not whole, and read as %+v", s)
		}
	})
}
