package state

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
)

func open(t *testing.T, dir string) *State {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestOpenMakesWhatIsMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "state")
	s := open(t, dir)
	if !validLogbookID(s.LogbookID()) {
		t.Errorf("logbook id %q", s.LogbookID())
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != dirMode {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != fileMode {
			t.Errorf("%s: mode %v, %v", entry.Name(), info.Mode(), err)
		}
	}
	again := open(t, dir)
	if !again.Identity().Public().Equal(s.Identity().Public()) || again.LogbookID() != s.LogbookID() {
		t.Error("another identity or logbook at the second start")
	}
}

func TestOpenNarrowsTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != dirMode {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestManyOpenAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	var group sync.WaitGroup
	states := make([]*State, 8)
	for i := range states {
		group.Go(func() {
			s, err := Open(dir)
			if err != nil {
				t.Error(err)
				return
			}
			states[i] = s
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	for _, s := range states {
		defer s.Close()
		if !s.Identity().Public().Equal(states[0].Identity().Public()) || s.LogbookID() != states[0].LogbookID() {
			t.Error("two identities or logbook ids came about")
		}
	}
}

// The set-up runs as root, the server does not.
func TestFilesGoToTheDirectorysOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 65532, 65531
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir)
	if _, err := s.AddSender("demo"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetCheckpoint([]byte("1")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{identityFile, logbookFile, sendersFile, checkpointFile, lockFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); int(owner.Uid) != uid || int(owner.Gid) != gid {
			t.Errorf("%s belongs to %d:%d, want %d:%d", name, owner.Uid, owner.Gid, uid, gid)
		}
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	for _, c := range []struct {
		file, content string
		want          error
	}{
		{identityFile, "", identity.ErrPEM},
		{identityFile, "junk", identity.ErrPEM},
		{logbookFile, "", ErrLogbookID},
		{logbookFile, strings.Repeat("A", 32) + "\n", ErrLogbookID},
		{sendersFile, "junk\n", ErrSendersFile},
		{formerFile, strings.Repeat("\n", maxIdentityFile+1), ErrFormerFile},
	} {
		dir := t.TempDir()
		open(t, dir)
		path := filepath.Join(dir, c.file)
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); !errors.Is(err, c.want) {
			t.Errorf("%s=%q: error %v, want %v", c.file, c.content, err, c.want)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != c.content {
			t.Errorf("%s was changed to %q, %v", c.file, got, err)
		}
	}
}

func TestOpenInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("error %v, want ENOTDIR", err)
	}
}

func TestSetLogbookID(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	id := NewLogbookID()
	if err := s.SetLogbookID(id); err != nil {
		t.Fatal(err)
	}
	if s.LogbookID() != id || open(t, dir).LogbookID() != id {
		t.Error("the id was not kept")
	}
	for _, bad := range []string{"", "x", id[1:], strings.ToUpper("ab" + id[2:]), id + "\n"} {
		if err := s.SetLogbookID(bad); !errors.Is(err, ErrLogbookID) {
			t.Errorf("SetLogbookID(%q): error %v", bad, err)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if text, err := s.Checkpoint(); text != nil || err != nil {
		t.Errorf("at first %q, %v", text, err)
	}
	want := receipt.Checkpoint{Origin: receipt.Origin(s.LogbookID()), Size: 7, Root: tlog.RecordHash([]byte("x"))}
	text, err := s.SignCheckpoint(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetCheckpoint(text); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	kept, err := again.Checkpoint()
	if err != nil || !bytes.Equal(kept, text) {
		t.Fatalf("kept %q, %v", kept, err)
	}
	if got, err := again.OpenCheckpoint(kept); got != want || err != nil {
		t.Errorf("opened %+v, %v", got, err)
	}
	if _, err := open(t, t.TempDir()).OpenCheckpoint(text); !errors.Is(err, receipt.ErrSignature) {
		t.Errorf("another identity opened it: %v", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.SetCheckpoint(text); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the directory: error %v", err)
	}
}
