package handon_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/handon"
	"sealpost/shared/durable"
)

// TestEndsInOrder: at the end of the program the hook under way may end, which counts,
// and no other begins.
func TestEndsInOrder(t *testing.T) {
	p := newPlace(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.to.take = func(ctx context.Context, number uint64) error {
		if number == 1 {
			cancel()
		}
		return ctx.Err()
	}
	p.cfg.Grace = time.Hour
	interrupted := only[*handon.InterruptedError](p, p.runIn(ctx))
	p.got(0, 1)
	if interrupted.Number != 2 || !errors.Is(interrupted, context.Canceled) {
		t.Errorf("%v", interrupted)
	}
	p.holds("handed", "2\n")
	p.to.take = nil
	p.green(p.run())
	p.got(2)
}

// TestEndsAHook that does not end by itself. That is no failure of its message.
func TestEndsAHook(t *testing.T) {
	p := newPlace(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	p.to.take = func(ctx context.Context, _ uint64) error {
		cancel()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Second):
			return nil
		}
	}
	p.cfg.Grace = time.Millisecond
	if e := only[*handon.InterruptedError](p, p.runIn(ctx)); e.Number != 0 {
		t.Errorf("%v", e)
	}
	p.holds("handed", "")
}

// TestEndsIdle: a program that is ended with nothing left to do has done all.
func TestEndsIdle(t *testing.T) {
	p := newPlace(t, 2)
	p.green(p.run())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.green(p.runIn(ctx))
	p.green(handon.Start(t.Context(), p.cfg).Finish()) // nothing was collected at all
	var none *handon.Handing
	none.Kept(1, 1)
	none.Allow(1)
	p.green(none.Finish())
}

// TestOneHandsOn: a second one that hands on from the directory is refused.
func TestOneHandsOn(t *testing.T) {
	p := newPlace(t, 1)
	p.collect(nil)
	lock, err := durable.TryLock(filepath.Join(p.cfg.Dir, ".handing"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if errs := p.run(); len(errs) != 1 || !errors.Is(errs[0], handon.ErrInUse) {
		t.Errorf("%v", errs)
	}
	p.got()
}

// TestPositionThatIsNone: nothing is handed on by it, and collecting goes on.
func TestPositionThatIsNone(t *testing.T) {
	for _, text := range []string{
		"", "\n", "1", "x\n", "-1\n", "01 \n", "9223372036854775808\n", "1\n\n", "1\nx",
		"1\n0 failing since 2026-11-27T12:00:00Z\n",
		"1\n1 failing since yesterday\n", "1\n1 failing since 2026-11-27T12:00:00Z\nmore\n", "1\n" + strings.Repeat(" ", 200),
		"3\n", // beyond the manifest
	} {
		p := newPlace(t, 2)
		p.collect(nil)
		p.write("handed", text)
		only[*handon.PositionError](p, p.run())
		p.got()
		p.holds("handed", text)
	}
}

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.cfg.Dir, name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// TestNotWhatWasCollected: a file that was changed since is not handed on.
func TestNotWhatWasCollected(t *testing.T) {
	p := newPlace(t, 3)
	p.collect(nil)
	text := p.v.Read(p.v.Entries[1].File)
	p.write(p.v.Entries[1].File, strings.ToUpper(string(text)))
	h := handon.Start(t.Context(), p.cfg)
	h.Kept(3, int64(len(p.v.Manifest())))
	if e := only[*handon.StoppedError](p, h.Finish()); !errors.Is(e, collector.ErrForeign) {
		t.Errorf("%v", e)
	}
	p.got(0)
}

// TestOnlyWhatIsSigned: nothing beyond what Allow says, in order or owed.
func TestOnlyWhatIsSigned(t *testing.T) {
	p := newPlace(t, 5)
	p.cfg.Signed = true
	p.green(p.run())
	p.got()
	h := handon.Start(t.Context(), p.cfg)
	p.collect(h.Kept)
	h.Allow(3)
	h.Allow(2)
	p.green(h.Finish())
	p.got(0, 1, 2)
	p.holds("handed", "3\n")
}

// TestPlantedPosition: what somebody has put in the place of position or lock is not
// followed, waited for, or written to.
func TestPlantedPosition(t *testing.T) {
	for _, name := range []string{"handed", ".handing"} {
		for what, plant := range map[string]func(private, path string) error{
			"a link":         os.Symlink,
			"a hard link":    os.Link,
			"a pipe":         func(_, path string) error { return syscall.Mkfifo(path, 0o666) },
			"a directory":    func(_, path string) error { return os.Mkdir(path, 0o755) },
			"somebody's own": func(_, path string) error { return errors.Join(os.WriteFile(path, nil, 0o666), theirs(path)) },
		} {
			if what == "somebody's own" && os.Geteuid() != 0 {
				continue // only root makes files of others
			}
			t.Run(what+" as "+name, func(t *testing.T) {
				p := newPlace(t, 2)
				p.collect(nil)
				p.write("private", "1\n")
				if err := plant(filepath.Join(p.cfg.Dir, "private"), filepath.Join(p.cfg.Dir, name)); err != nil {
					t.Fatal(err)
				}
				if errs := p.run(); len(errs) != 1 {
					t.Errorf("%v", errs)
				}
				p.got()
				p.holds("private", "1\n")
			})
		}
	}
}

// theirs gives a file to another user.
func theirs(path string) error { return os.Chown(path, 4242, 4242) }
