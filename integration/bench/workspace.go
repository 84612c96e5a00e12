package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/procfs"
	"github.com/prometheus/procfs/blockdevice"
	"golang.org/x/sys/unix"
)

// senders are made once; each run's state is a copy of the first.
const senders = 64

// The trees' names in the report.
const (
	ours  = "sealpost"
	other = "against"
)

// fresh makes a directory for one run. What was written before it is flushed
// first: the run's own flush of the file system must not pay for that.
func (b *bench) fresh(name string) (string, error) {
	b.runs++
	dir := filepath.Join(b.base, fmt.Sprintf("%04d-%s", b.runs, name))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	return dir, syncAll(dir)
}

// tree is what was built of one tree of Sealpost.
type tree struct {
	name, source string
	dir          string // with its programs, and a state with its senders that is never run on
	access       access
}

func (t *tree) in(name string) string { return filepath.Join(t.dir, name) }

// access is what senders need to log in.
type access struct {
	Identity string   // the server's, as a pin
	Tokens   []string // one for each sender
}

// addTrees builds servers and loads, as for an image, but with the symbols that a
// profiler wants, and makes the senders with the servers' own command.
func (b *bench) addTrees(ctx context.Context) error {
	for _, t := range []*tree{{name: ours, source: "."}, {name: other, source: b.against}} {
		if t.source == "" {
			continue
		}
		t.dir = filepath.Join(b.base, t.name)
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", t.dir+"/",
			"sealpost/services/server", "sealpost/services/client", "sealpost/services/driver", "sealpost/integration/bench")
		build.Dir, build.Env = t.source, append(os.Environ(), "CGO_ENABLED=0")
		if _, err := output(build); err != nil {
			return err
		}
		for i := range senders {
			if err := t.addSender(ctx, senderName(i)); err != nil {
				return err
			}
		}
		b.trees = append(b.trees, t)
	}
	return nil
}

// command is one of the server's program.
func (t *tree) command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, t.in("server"), args...)
	cmd.Env = env
	return cmd
}

// output runs a command; what that says is part of the error.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return string(out), err
}

func senderName(n int) string { return fmt.Sprintf("bench-%02d", n) }

func (t *tree) addSender(ctx context.Context, name string) error {
	out, err := output(t.command(ctx, []string{"SERVER_STATE_DIR=" + t.in("state")}, "sender", "add", name))
	if err != nil {
		return err
	}
	t.access.Identity = setting(out, "CLIENT_SERVER_IDENTITY")
	t.access.Tokens = append(t.access.Tokens, setting(out, "CLIENT_TOKEN"))
	return nil
}

// setting returns what a command of the server has printed for a setting, or "".
func setting(out, name string) string {
	for line := range strings.Lines(out) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return value
		}
	}
	return ""
}

// disk is what a directory lies on.
type disk struct {
	dir, fileSystem string
	device          string // whose writes and flushes are counted; "": none does
	sys             blockdevice.FS
}

var errMemory = errors.New("it lies in memory, where nothing can be learned of a disk; choose another with -dir")

func diskOf(dir string) (disk, error) {
	var info unix.Stat_t
	if err := unix.Stat(dir, &info); err != nil {
		return disk{}, fmt.Errorf("%s: %w", dir, err)
	}
	mounts, err := procfs.GetMounts()
	sys, e := blockdevice.NewDefaultFS()
	if err := errors.Join(err, e); err != nil {
		return disk{}, err
	}
	number := fmt.Sprintf("%d:%d", unix.Major(info.Dev), unix.Minor(info.Dev))
	d := disk{dir: dir, fileSystem: "unknown file system", device: deviceOf("/sys/dev/block", number), sys: sys}
	if i := slices.IndexFunc(mounts, func(m *procfs.MountInfo) bool { return m.MajorMinorVer == number }); i >= 0 {
		d.fileSystem = mounts[i].FSType
	}
	if d.fileSystem == "tmpfs" || d.fileSystem == "ramfs" {
		return disk{}, fmt.Errorf("%s: %w", dir, errMemory)
	}
	return d, nil
}

// deviceOf finds the whole device that number is or is a partition of: only that
// one counts flushes. Overlays and the like have none.
func deviceOf(sys, number string) string {
	dir, err := filepath.EvalSymlinks(filepath.Join(sys, number))
	if err != nil {
		return ""
	}
	if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil {
		dir = filepath.Dir(dir)
	}
	return filepath.Base(dir)
}

// room returns an error unless n bytes and some to spare are free.
func (d disk) room(n uint64) error {
	const spare = 1 << 30
	var info unix.Statfs_t
	if err := unix.Statfs(d.dir, &info); err != nil {
		return err
	}
	if free := info.Bavail * uint64(info.Bsize); free < n+spare {
		return fmt.Errorf("%d MiB are free on this disk, %d MiB are needed", free>>20, (n+spare)>>20)
	}
	return nil
}

// counters returns the writes and flushes of the device so far, nothing where it
// does not count them.
func (d disk) counters() values {
	stats, _, err := d.sys.SysBlockDeviceStat(d.device)
	if err != nil {
		return values{}
	}
	return values{writes: float64(stats.WriteIOs), flushes: float64(stats.FlushRequestsCompleted)}
}
