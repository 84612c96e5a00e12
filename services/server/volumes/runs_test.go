package volumes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/state"
	"sealpost/shared/durable"
)

// These make the test binary do one of runs on the volumes below a directory.
const (
	rootEnv = "VOLUMES_TEST_ROOT"
	runEnv  = "VOLUMES_TEST_RUN"
	marks   = "marks" // beside the volumes: what has been said so far
)

var runs = map[string]func(root string) error{
	"serve":         serve,
	"switch":        func(root string) error { return switching(root, switchIdentity) },
	"half a switch": func(root string) error { return switching(root, halfASwitch) },
	"accept":        accept,
	"copy":          copyVolumes,
	"retire":        retiringRun,
}

func TestMain(m *testing.M) {
	root := os.Getenv(rootEnv)
	if root == "" {
		os.Exit(m.Run())
	}
	if err := runs[os.Getenv(runEnv)](root); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve opens the volumes, waits until the state knows of it, and keeps a message.
func serve(root string) error {
	return serving(root, func(st *state.State, book logbook.Logbook) error {
		if err := keep(root, "receipt 1", book); err != nil {
			return err
		}
		return keep(root, "receipt 2", book)
	})
}

func serving(root string, do func(*state.State, logbook.Logbook) error) error {
	st, err := state.Open(filepath.Join(root, "state"))
	if err != nil {
		return err
	}
	opener := newOpener(root, st)
	book, err := opener.Open()
	if err != nil {
		return err
	}
	for known, err := st.Checkpoint(); known == nil; known, err = st.Checkpoint() {
		if err != nil {
			return err
		}
		runtime.Gosched()
	}
	err = do(st, book)
	err = errors.Join(err, book.Close())
	opener.Close()
	return errors.Join(err, st.Close())
}

// keep appends a message and marks its receipt.
func keep(root, mark string, book logbook.Logbook) error {
	facts, err := logbooktest.Append(context.Background(), book, logbooktest.Draft("a", []byte(mark)), []byte(mark))
	if err != nil {
		return err
	}
	text, err := book.Receipt(context.Background(), facts)
	if err != nil {
		return err
	}
	return setMark(root, mark, text)
}

func setMark(root, name string, text []byte) error {
	dir := filepath.Join(root, marks)
	return errors.Join(os.MkdirAll(dir, 0o700), durable.WriteFile(filepath.Join(dir, name), text, 0o600))
}

// switching lets a command change the identity under a server that follows.
func switching(root string, change func(*state.State, string) error) error {
	return serving(root, func(st *state.State, book logbook.Logbook) error {
		if err := keep(root, "receipt 1", book); err != nil {
			return err
		}
		command, err := state.Open(filepath.Join(root, "state"))
		if err != nil {
			return err
		}
		was := st.Signers()
		if err := errors.Join(change(command, filepath.Join(root, "state")), command.Close(), st.Check()); err != nil {
			return err
		}
		if st.Signers() == was {
			return errors.New("not followed")
		}
		return keep(root, "receipt 2", book)
	})
}

// switchIdentity lets the old one sign no more, so that nothing but the new one
// stands below what follows.
func switchIdentity(command *state.State, _ string) error { return command.SwitchIdentity(0) }

// halfASwitch does what a command has done that is killed before its last flush.
func halfASwitch(command *state.State, dir string) error {
	line, err := json.Marshal(map[string]any{
		"key": command.Identity().Public(), "replaced": time.Now().UTC(), "until": time.Now().UTC(),
	})
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(dir, "identities_former.jsonl"), append(line, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, "identity_next.pem"), filepath.Join(dir, "identity.pem"))
}

// retiringRun lets a command have messages retired by a server.
func retiringRun(root string) error {
	return serving(root, func(_ *state.State, book logbook.Logbook) error {
		if err := keep(root, "receipt 1", book); err != nil {
			return err
		}
		command, err := state.Open(filepath.Join(root, "state"))
		if err != nil {
			return err
		}
		_, err = Retire(context.Background(), filepath.Join(root, "data"), command, order(0, 1), false)
		return errors.Join(err, command.Close(), keep(root, "receipt 2", book))
	})
}

// accept is an operator's word, and a server on the volumes.
func accept(root string) error {
	st, err := state.Open(filepath.Join(root, "state"))
	if err != nil {
		return err
	}
	p, err := Propose(filepath.Join(root, "data"), st)
	if err != nil {
		return err
	}
	_, err = p.Accept()
	p.Close()
	if err := errors.Join(err, setMark(root, "accepted", nil), st.Close()); err != nil {
		return err
	}
	return serve(root)
}

// copyVolumes copies to a directory beside the volumes.
func copyVolumes(root string) error {
	st, err := state.Open(filepath.Join(root, "state"))
	if err != nil {
		return err
	}
	to := filepath.Join(root, "copy")
	_, err = Copy(context.Background(), filepath.Join(root, "data"), st, to, new(CopyProgress), func(local.Difference) {})
	return errors.Join(err, setMark(root, "copied", nil), st.Close())
}
