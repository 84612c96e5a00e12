package durabletest

import (
	"bytes"
	"testing"
)

func wants(t *testing.T, files map[string][]byte, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if got, ok := files[name]; !ok || !bytes.Equal(got, []byte(text)) {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	for name := range files {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is there", name)
		}
	}
}

func TestDisk(t *testing.T) {
	d := New(map[string][]byte{"logs/old": []byte("old"), "staging/": nil})
	for _, op := range []Op{
		{Kind: Create, Name: "staging/a"}, {Kind: Write, Name: "staging/a", Data: []byte("bytes")},
		{Kind: SyncDir, Name: "staging"},
		{Kind: Rename, Name: "staging/a", To: "logs/a"}, {Kind: SyncDir, Name: "logs"},
		{Kind: Write, Name: "logs/old", Off: 3, Data: []byte(" and new")},
	} {
		d.Apply(op)
	}
	// The name was flushed where it is now and not where it was; the bytes were not.
	wants(t, d.After(Nothing), map[string]string{"logs/": "", "staging/": "", "staging/a": "", "logs/old": "old"})
	wants(t, d.After(Everything),
		map[string]string{"logs/": "", "staging/": "", "logs/a": "bytes", "logs/old": "old and new"})
	wants(t, d.After(AllBut(0)),
		map[string]string{"logs/": "", "staging/": "", "staging/a": "bytes", "logs/old": "old and new"})
	wants(t, d.After(AllBut(2)), map[string]string{"logs/": "", "staging/": "", "logs/a": "bytes", "logs/old": "old"})
	d.Apply(Op{Kind: SyncDir, Name: "staging"})
	wants(t, d.After(Nothing), map[string]string{"logs/": "", "staging/": "", "logs/a": "", "logs/old": "old"})
	d.Apply(Op{Kind: Sync, Name: "logs/old"})
	wants(t, d.After(Nothing), map[string]string{"logs/": "", "staging/": "", "logs/a": "", "logs/old": "old and new"})
	d.Apply(Op{Kind: Remove, Name: "logs/old"})
	d.Apply(Op{Kind: SyncAll})
	wants(t, d.After(Nothing), map[string]string{"logs/": "", "staging/": "", "logs/a": "bytes"})
}

// A directory takes along what is in it, and what is in one that was lost is
// lost too.
func TestDirectories(t *testing.T) {
	d := New(map[string][]byte{"a/": nil, "b/": nil})
	for _, op := range []Op{
		{Kind: Mkdir, Name: "a/.new"}, {Kind: Create, Name: "a/.new/file"},
		{Kind: Write, Name: "a/.new/file", Data: []byte("x")}, {Kind: Sync, Name: "a/.new/file"},
		{Kind: SyncDir, Name: "a/.new"}, {Kind: Rename, Name: "a/.new", To: "b/dir"},
	} {
		d.Apply(op)
	}
	wants(t, d.After(Everything), map[string]string{"a/": "", "b/": "", "b/dir/": "", "b/dir/file": "x"})
	wants(t, d.After(Nothing), map[string]string{"a/": "", "b/": ""})
	d.Apply(Op{Kind: SyncDir, Name: "a"})
	wants(t, d.After(Nothing), map[string]string{"a/": "", "b/": "", "a/.new/": "", "a/.new/file": "x"})
	d.Apply(Op{Kind: SyncDir, Name: "b"})
	wants(t, d.After(Nothing), map[string]string{"a/": "", "b/": "", "b/dir/": "", "b/dir/file": "x"})
}

// After a flush that failed another one does not help; writing again does.
func TestFailedFlush(t *testing.T) {
	d := New(map[string][]byte{"file": nil})
	d.Apply(Op{Kind: Write, Name: "file", Data: []byte("first")})
	d.Apply(Op{Kind: Failed, Name: "file"})
	d.Apply(Op{Kind: Sync, Name: "file"})
	wants(t, d.After(Nothing), map[string]string{"file": ""})
	d.Apply(Op{Kind: Write, Name: "file", Data: []byte("first")})
	d.Apply(Op{Kind: Sync, Name: "file"})
	wants(t, d.After(Nothing), map[string]string{"file": "first"})
}
