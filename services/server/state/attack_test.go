package state

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestPlantedInTheState: who may write into the directory puts something else in
// the place of a file. Nothing is waited for, and what a link leads to is neither
// taken for the state, nor written, nor given away.
func TestPlantedInTheState(t *testing.T) {
	for _, name := range []string{identityFile, nextFile, formerFile, logbookFile, sendersFile, checkpointFile,
		acceptedFile, lockFile} {
		for kind, plant := range map[string]func(from, to string) error{
			"link": os.Symlink,
			"FIFO": func(_, to string) error { return syscall.Mkfifo(to, 0o600) },
		} {
			t.Run(kind+" as "+name, func(t *testing.T) { plantedInTheState(t, name, plant) })
		}
	}
}

func plantedInTheState(t *testing.T, name string, plant func(from, to string) error) {
	dir := filepath.Join(t.TempDir(), "state")
	st, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	elsewhere, path := filepath.Join(t.TempDir(), "elsewhere"), filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil { // one that is not always there
		text = nil
	}
	if err := os.WriteFile(elsewhere, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(path)
	if err := plant(elsewhere, path); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		st, err := Open(dir)
		if err == nil {
			_, err = st.Checkpoint()
			if _, _, accepted := st.Accepted(); err == nil {
				err = accepted
			}
			_ = st.Close()
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it was taken")
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits")
	}
	if after, err := os.ReadFile(elsewhere); err != nil || string(after) != string(text) {
		t.Errorf("%q became %q, %v", text, after, err)
	}
}
