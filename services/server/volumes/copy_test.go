package volumes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/state"
	"sealpost/shared/logfile"
)

// copyOf copies volumes, and says what was gone.
func copyOf(t *testing.T, data string, st *state.State) (to string, done Copied, gone []local.Difference, err error) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "copy")
	p := new(CopyProgress)
	done, err = Copy(t.Context(), data, st, to, p, func(d local.Difference) { gone = append(gone, d) })
	if err == nil && gone == nil && (p.Done.Load() != done.Bytes || p.All.Load() != done.Bytes) {
		t.Errorf("the progress of %+v ends at %d of %d", done, p.Done.Load(), p.All.Load())
	}
	return to, done, gone, err
}

// wantBarred expects volumes that nothing takes for a logbook, and says so.
func wantBarred(t *testing.T, to string) {
	t.Helper()
	dir := filepath.Join(to, "data")
	st, err := state.Open(filepath.Join(to, "state"))
	check(t, err)
	defer st.Close()
	opener := newOpener(to, st)
	_, err = opener.Open()
	opener.Close()
	var corrupt *local.CorruptError
	if !errors.As(err, &corrupt) || !strings.Contains(corrupt.Reason, "copy that was not finished") ||
		!strings.Contains(corrupt.Fix(), "server copy") {
		t.Errorf("an unfinished copy opens with %v", err)
	}
	if err := propose(t, dir, st); !errors.As(err, new(*CannotAcceptError)) {
		t.Errorf("it is accepted with %v", err)
	}
}

// wantGoesOn expects a whole copy of so many messages, and appends to it.
func wantGoesOn(t *testing.T, to string, messages uint64) {
	t.Helper()
	st, err := state.Open(filepath.Join(to, "state"))
	check(t, err)
	defer st.Close()
	n, err := Verify(filepath.Join(to, "data"), st, func(d local.Difference) { t.Error(d) })
	if err != nil || n.Checked != messages {
		t.Errorf("the copy of %d messages is verified with %d, %v", messages, n.Checked, err)
	}
	opener := newOpener(to, st)
	defer opener.Close()
	book, err := opener.Open()
	check(t, err)
	defer book.Close()
	for want := messages; want < messages+2; want++ {
		text := fmt.Append(nil, "goes on ", want)
		facts, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("b", text), text)
		if err != nil || facts.Entry.Seq != want || facts.Repeat {
			t.Errorf("message %d of the copy: %+v, %v", want, facts.Entry, err)
		}
	}
}

// A copy beside a server that takes messages all the while holds what was kept
// before it, is verified without a difference, and goes on.
func TestCopyUnderLoad(t *testing.T) {
	root, data, st := filled(t)
	opener := newOpener(root, st)
	defer opener.Close()
	book, err := opener.Open()
	check(t, err)
	defer book.Close()
	ctx, cancel := context.WithCancel(t.Context())
	kept := make(chan uint64)
	var load sync.WaitGroup
	defer load.Wait()
	defer cancel()
	for w := range 4 {
		load.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				text := bytes.Repeat(fmt.Appendf(nil, "%d of %d\n", i, w), 1+i%4*2000) // large ones too
				facts, err := logbooktest.Append(ctx, book, logbooktest.Draft("a", text), text)
				if err != nil {
					if ctx.Err() == nil {
						t.Error(err)
					}
					return
				}
				select {
				case kept <- facts.Entry.Seq:
				case <-ctx.Done():
				}
			}
		})
	}
	most := uint64(0)
	for range 3 {
		for range 40 {
			most = max(most, logbooktest.Await(t, "a message", kept))
		}
		copied := make(chan struct{})
		go func() { // so that the load goes on
			for {
				select {
				case <-kept:
				case <-copied:
					return
				}
			}
		}()
		to, done, gone, err := copyOf(t, data, st)
		copied <- struct{}{}
		if err != nil || len(gone) > 0 || done.Messages <= most || done.Files != done.Messages {
			t.Fatalf("copied %+v after message %d, without %v: %v", done, most, gone, err)
		}
		wantGoesOn(t, to, done.Messages)
	}
}

// The copy is a copy of everything that either volume says, byte for byte.
func TestCopyIsTheSame(t *testing.T) {
	_, data, st := filled(t)
	_, err := st.NextIdentity()
	check(t, err)
	check(t, st.SwitchIdentity(0))
	to, done, _, err := copyOf(t, data, st)
	check(t, err)
	if done.Messages != 2 || done.Files != 2 || done.Pending != 0 || done.Bytes == 0 {
		t.Errorf("copied %+v", done)
	}
	root := filepath.Dir(data)
	for _, name := range []string{"data/logs/checkpoint", "data/logs/manifest.jsonl", "data/logs/server_message1.txt",
		"data/staging/logbook", "state/identity.pem", "state/identities_former.jsonl", "state/checkpoint",
		"state/logbook_id", "state/senders.jsonl"} {
		was, err := os.ReadFile(filepath.Join(root, name))
		check(t, err)
		is, err := os.ReadFile(filepath.Join(to, name))
		if err != nil || !bytes.Equal(is, was) {
			t.Errorf("%s is %q, %v, and was %q", name, is, err, was)
		}
		before, err := os.Stat(filepath.Join(root, name))
		check(t, err)
		after, err := os.Stat(filepath.Join(to, name))
		check(t, err)
		if strings.HasSuffix(name, ".txt") && !after.ModTime().Equal(before.ModTime()) ||
			after.Mode() != before.Mode() || os.SameFile(before, after) {
			t.Errorf("%s: %v, %v became %v, %v", name, before.Mode(), before.ModTime(), after.Mode(), after.ModTime())
		}
	}
	for _, dir := range []string{to, filepath.Join(to, "state")} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s is %v, %v", dir, info, err)
		}
	}
	wantGoesOn(t, to, 2)
}

// A file that is not what its line says is named, and the copy is none.
func TestCopyOfChanged(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(text []byte) []byte
		want   string
	}{
		{"a byte", func(text []byte) []byte { text[len(text)/2] ^= 1; return text }, "content differs"},
		{"longer", func(text []byte) []byte { return append(text, '\n') }, "more bytes than"},
		{"shorter", func(text []byte) []byte { return text[1:] }, "fewer bytes than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, data, st := filled(t)
			path := filepath.Join(data, "logs", "server_message1.txt")
			text, err := os.ReadFile(path)
			check(t, err)
			check(t, os.WriteFile(path, c.change(text), 0o644))
			to, done, _, err := copyOf(t, data, st)
			var bad *CopiedFileError
			if !errors.As(err, &bad) || bad.Number != 1 || !strings.Contains(err.Error(), c.want) ||
				!errors.As(err, new(*UnfinishedError)) {
				t.Errorf("copied %+v with %v", done, err)
			}
			wantBarred(t, to)
		})
	}
}

// A file that is gone is told, and the others are copied: the copy differs where
// the volume did.
func TestCopyOfGone(t *testing.T) {
	_, data, st := filled(t)
	check(t, os.Remove(filepath.Join(data, "logs", "server_message0.txt")))
	to, done, gone, err := copyOf(t, data, st)
	missing := local.Difference{Seq: 0, File: "server_message0.txt", Reason: local.Missing}
	if err != nil || done.Messages != 2 || done.Files != 1 || len(gone) != 1 || gone[0] != missing {
		t.Errorf("copied %+v without %v: %v", done, gone, err)
	}
	copied, err := state.Open(filepath.Join(to, "state"))
	check(t, err)
	defer copied.Close()
	var differ []local.Difference
	n, err := Verify(filepath.Join(to, "data"), copied, func(d local.Difference) { differ = append(differ, d) })
	if err != nil || n.Checked != 2 || len(differ) != 1 || differ[0].Seq != 0 {
		t.Errorf("verified %d with %v, %v", n, differ, err)
	}
}

// What was retired is no more missing in the copy than in the volume, whose note goes
// with it.
func TestCopyOfRetired(t *testing.T) {
	data, st, stop := kept(t, 3, local.Config{})
	_, err := Retire(t.Context(), data, st, order(0, 1), false)
	check(t, err)
	to, done, gone, err := copyOf(t, data, st)
	if err != nil || done.Messages != 3 || done.Files != 1 || len(gone) != 0 {
		t.Errorf("copied %+v without %v: %v", done, gone, err)
	}
	stop()
	copied, err := state.Open(filepath.Join(to, "state"))
	check(t, err)
	serial, err := copied.RetiredSerial()
	if err != nil || serial != 1 {
		t.Errorf("the copied state knows serial %d, %v", serial, err)
	}
	found, err := Verify(filepath.Join(to, "data"), copied, func(d local.Difference) { t.Error(d) })
	if err != nil || found != (local.Verified{Checked: 3, Retired: 2}) {
		t.Errorf("%+v, %v", found, err)
	}
	check(t, copied.Close())
	wantGoesOn(t, to, 3)
}

func TestCopyTargets(t *testing.T) {
	root, data, st := filled(t)
	full := filepath.Join(root, "full")
	check(t, os.MkdirAll(filepath.Join(full, "something"), 0o755))
	for _, to := range []string{full, filepath.Join(data, "logs", "copy"), filepath.Join(data, "staging", "copy")} {
		_, err := Copy(t.Context(), data, st, to, new(CopyProgress), func(local.Difference) {})
		if !errors.As(err, new(*TargetError)) {
			t.Errorf("copied to %s with %v", to, err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	cancel(stop)
	empty := t.TempDir()
	_, err := Copy(ctx, data, st, empty, new(CopyProgress), func(local.Difference) {})
	if !errors.Is(err, stop) || !errors.As(err, new(*UnfinishedError)) {
		t.Errorf("stopped with %v", err)
	}
	wantBarred(t, empty)
	check(t, st.SetLogbookID(otherID))
	none := filepath.Join(root, "none")
	if _, err := Copy(t.Context(), data, st, none, nil, nil); !errors.As(err, new(*local.MisfitError)) {
		t.Errorf("volumes that do not fit are copied with %v", err)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("a directory was made for them")
	}
}

// unrecovered takes the volume to where a power cut before the last rename's flush
// leaves it: message 1 stands in records and manifest, and its file is staged.
func unrecovered(t *testing.T, data string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "logs", logfile.ManifestName))
	check(t, err)
	lines := bytes.Split(text, []byte("\n"))
	vol := disk.New(data)
	records, err := wal.Start(vol, 1, 1<<20)
	check(t, err)
	check(t, records.Append([]wal.Record{{Staged: "staging/m-1", Line: string(lines[1])}}))
	check(t, records.Close())
	check(t, os.Rename(vol.Logs("server_message1.txt"), vol.Staging("m-1")))
}

// What a power cut has taken out of its place is not copied before a start has put
// it back; a state that knows of it does not let itself be copied with less.
func TestCopyOfUnrecovered(t *testing.T) {
	root, data, st := filled(t)
	unrecovered(t, data)
	_, done, _, err := copyOf(t, data, st)
	var early *NotInPlaceError
	if !errors.As(err, &early) || *early != (NotInPlaceError{Known: 2, InPlace: 1}) {
		t.Errorf("copied %+v with %v", done, err)
	}
	check(t, os.Remove(filepath.Join(root, "state", "checkpoint")))
	to, done, gone, err := copyOf(t, data, st)
	if err != nil || done.Messages != 1 || done.Pending != 1 || len(gone) > 0 {
		t.Errorf("copied %+v, %v", done, err)
	}
	if _, err := os.Stat(filepath.Join(to, "data", "logs", logfile.CheckpointName)); err == nil {
		t.Error("a checkpoint of two messages lies beside one")
	}
	wantGoesOn(t, to, 1)
}
