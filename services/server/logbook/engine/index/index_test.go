package index

import (
	"bytes"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// A few batches are in memory, however many messages there are, and after a
// restart nothing.
func TestIndexIsOnDisk(t *testing.T) {
	vol := disk.New(durabletest.MemoryDir(t))
	check(t, vol.Prepare())
	m, err := manifest.Open(vol)
	check(t, err)
	x := New(vol, 8)
	_, err = x.Open(m, 0)
	check(t, err)
	kept := make(map[Key]manifest.Place)
	for seq := range uint64(300) {
		e := logfile.Entry{V: 1, Seq: seq, File: logfile.FileName(seq), ID: message.NewID(),
			Sender: "a", Name: "n", Cipher: message.None}
		line, err := e.Line()
		check(t, err)
		places, err := m.Append([][]byte{line})
		check(t, err)
		x.Add(Key{e.Sender, e.ID}, places[0])
		kept[Key{e.Sender, e.ID}] = places[0]
		if seq%5 == 0 {
			check(t, m.Flush())
			x.Flushed(m, m.End())
		}
	}
	x.writing.Wait()
	if n := len(x.recent) + len(x.frozen); n > 100 {
		t.Errorf("%d of 300 messages are in memory", n)
	}
	wantAll(t, x, kept)
	check(t, m.Flush())
	check(t, x.WriteAll(m, m.End()))
	check(t, x.Close())

	x = New(vol, 8)
	covered, err := x.Open(m, m.Count())
	if err != nil || covered != m.End() || len(x.recent) > 0 {
		t.Errorf("covers %+v of %+v, %d in memory, %v", covered, m.End(), len(x.recent), err)
	}
	wantAll(t, x, kept)
	check(t, x.Close())
	check(t, m.Close())
}

func wantAll(t *testing.T, x *Index, kept map[Key]manifest.Place) {
	t.Helper()
	for key, want := range kept {
		if got, ok, err := x.Find(key); err != nil || !ok || got != want {
			t.Fatalf("%+v, %v, %v; want %+v", got, ok, err, want)
		}
		if _, ok, err := x.Find(Key{"another", key.ID}); ok || err != nil {
			t.Fatalf("found for another sender: %v", err)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A search in vain is not remembered when the key was added meanwhile.
func TestAbsentMeanwhile(t *testing.T) {
	x := New(nil, 10)
	key := Key{"a", message.NewID()}
	before := x.added
	x.Add(key, manifest.Place{})
	x.missed(key, before)
	if x.absent[key] {
		t.Error("what was added counts as absent")
	}
}

// What was looked for in vain is found once it is added.
func TestAbsentUntilAdded(t *testing.T) {
	x := New(nil, 10)
	key := Key{"a", message.NewID()}
	x.missed(key, x.added)
	if !x.absent[key] {
		t.Fatal("a search in vain is not remembered")
	}
	x.Add(key, manifest.Place{})
	if x.absent[key] {
		t.Error("what was added counts as absent")
	}
}

// FuzzIndexValues: what the index file says of its messages is read in its one
// form, or refused. The file itself is bbolt's; one that bbolt cannot read is
// made anew.
func FuzzIndexValues(f *testing.F) {
	f.Add(placeBytes(manifest.Place{Seq: 1, Off: 2, Size: 3}),
		coverOf(manifest.Position{Lines: 2, Bytes: 5}, anchor{last: manifest.Place{Seq: 1, Off: 2, Size: 3}, crc: 7}))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, at, cover []byte) {
		if p, err := placeOf(at); err == nil && !bytes.Equal(placeBytes(p), at) {
			t.Fatalf("%x is read as %+v", at, p)
		}
		if to, a, err := parseCover(cover); err == nil && !bytes.Equal(coverOf(to, a), cover) {
			t.Fatalf("%x is read as %+v, %+v", cover, to, a)
		}
	})
}

// A batch is there whole, and covered, whether the file is small and takes it in one
// transaction or large and takes it in several.
func TestLargeBatch(t *testing.T) {
	for name, c := range map[string]struct {
		small        int64
		transactions int
	}{"small file": {smallFile, 1}, "large file": {0, 3}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "index")
			s, err := openStore(path)
			check(t, err)
			s.small = c.small
			batch := make(map[Key]manifest.Place)
			for seq := range uint64(2*mostAtOnce + 1) {
				batch[Key{"a", message.NewID()}] = manifest.Place{Seq: seq, Off: int64(seq) * 100, Size: 99}
			}
			to := manifest.Position{Lines: uint64(len(batch)), Bytes: 100 * int64(len(batch))}
			before := transactions(t, s)
			check(t, s.put(batch, to, anchor{}))
			if n := transactions(t, s) - before; n != c.transactions {
				t.Errorf("written in %d transactions, want %d", n, c.transactions)
			}
			check(t, s.close())
			s, err = openStore(path)
			check(t, err)
			defer s.close()
			for key, want := range batch {
				if got, ok, err := s.get(key); err != nil || !ok || got != want {
					t.Fatalf("message %d is at %+v, %v, %v", want.Seq, got, ok, err)
				}
			}
			if covered, _, err := s.cover(); err != nil || covered != to {
				t.Errorf("covered to %+v, %v", covered, err)
			}
		})
	}
}

// transactions returns how many have written to the file.
func transactions(t *testing.T, s *store) (n int) {
	t.Helper()
	check(t, s.view(func(tx *bolt.Tx) error {
		n = tx.ID()
		return nil
	}))
	return n
}
