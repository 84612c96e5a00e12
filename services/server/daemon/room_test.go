package daemon_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sealpost/services/client/courier"
)

// metric is the value of one series.
func (l *live) metric(series string) float64 {
	l.t.Helper()
	for line := range strings.Lines(l.get("/metrics")) {
		if value, is := strings.CutPrefix(line, series+" "); is {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			check(l.t, err)
			return number
		}
	}
	l.t.Fatalf("the metrics lack %s", series)
	return 0
}

// wantReady compares what the metrics say: ready, or not for this reason alone.
func (l *live) wantReady(reason string) {
	l.t.Helper()
	want := map[string]float64{"standby": 0, "volumes": 0, "room": 0, "logbook": 0, "state": 0, "descriptors": 0}
	ready := 1.0
	if reason != "" {
		want[reason], ready = 1, 0
	}
	if got := l.metric("sealpost_ready"); got != ready {
		l.t.Errorf("sealpost_ready is %v", got)
	}
	for label, value := range want {
		if got := l.metric(`sealpost_not_ready{reason="` + label + `"}`); got != value {
			l.t.Errorf("%s: not ready is %v, want %v", label, got, value)
		}
	}
}

// red waits until /readyz gives such a reason, and the log has told of so many, and
// returns all that /readyz says. The reason is one of room.
func (l *live) red(reason string, times int) (says string) {
	l.t.Helper()
	l.eventually(reason, func() bool {
		says = l.get("/readyz")
		return strings.Contains(says, reason)
	})
	l.wantReady("room")
	l.wantLines(times, "not ready: ")
	return says
}

// wantLines waits until the log has so many lines of what.
func (l *live) wantLines(n int, what string) {
	l.t.Helper()
	l.eventually(what, func() bool { return strings.Count(l.logs.String(), what) >= n })
	if got := strings.Count(l.logs.String(), what); got != n {
		l.t.Errorf("%d lines of %q, want %d:\n%s", got, what, n, l.logs.String())
	}
}

// Where a message of the largest size would find no room the server is not ready,
// from the start: it says why and what to do, and keeps what fits.
func TestNoRoomForTheLargest(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.cfg.MaxMessageBytes, l.cfg.MaxStagedBytes = 1<<50, 1<<51 // more than there is
	l.start()
	says := l.red("no space on the log volume for a message of the largest size", 1)
	if !strings.Contains(says, "\nhint: ") || !strings.Contains(says, "SERVER_MAX_MESSAGE_BYTES lower") {
		t.Errorf("/readyz says %q", says)
	}
	if got := l.get("/healthz"); got != "ok\n" {
		t.Errorf("/healthz says %q", got)
	}
	c := l.courier(l.command.Identity())
	for _, name := range []string{"a.txt", "b.txt"} {
		l.deliver(c, text(name))
	}
	l.wantLines(1, "the log volume is getting full")
}

// TestRoomOfRealVolumes fills file systems of their own, in bytes and in inodes.
func TestRoomOfRealVolumes(t *testing.T) {
	logs, state := mountSmall(t, "size=64m,nr_inodes=400"), mountSmall(t, "size=8m,nr_inodes=400")
	l := liveOn(t, logs.dir, filepath.Join(state.dir, "state"))
	l.start()
	l.ready()
	l.wantReady("")
	reserve := uint64(l.metric(`sealpost_volume_reserve_bytes{volume="logs"}`))
	warn := uint64(l.metric(`sealpost_volume_warn_bytes{volume="logs"}`))
	c := l.courier(l.command.Identity())

	logs.leave(warn - 1<<20)
	l.wantLines(1, "the log volume is getting full")
	l.ready()
	if l.metric(`sealpost_volume_low{volume="logs"}`) != 1 {
		t.Error("the metric does not warn")
	}

	// The reserve is what one message of the largest size needs. While there is less,
	// that is so for readiness alone.
	logs.leave(reserve + 64<<10)
	l.ready()
	l.deliver(c, sized(1<<20))
	l.red("no space on the log volume", 1)
	l.deliver(c, sized(1<<20))
	l.deliver(c, text("small.txt"))
	if free := l.metric(`sealpost_volume_free_bytes{volume="logs"}`); free >= float64(reserve) {
		t.Errorf("red with %v bytes free", free)
	}
	logs.leave(warn + warn/5)
	l.ready()
	l.wantLines(1, "the log volume has room again")
	l.wantLines(1, "ready again")

	logs.leaveInodes(10)
	l.red("fewer than 16 inodes are left", 2)
	l.deliver(c, text("inodes.txt"))
	if free := l.metric(`sealpost_volume_free_inodes{volume="logs"}`); free > 10 {
		t.Errorf("red with %v inodes free", free)
	}
	l.wantLines(2, "the log volume is getting full")
	logs.leaveInodes(300)
	l.ready()
	l.wantLines(2, "the log volume has room again")

	for n, full := range []func(){func() { state.leave(1 << 19) }, func() { state.leaveInodes(10) }} {
		full()
		l.red("the state volume has less than", 3+n)
		l.wantLines(1+n, "the state volume is getting full")
		l.deliver(c, text("state.txt"))
		state.leave(6 << 20)
		state.leaveInodes(300)
		l.ready()
		l.wantLines(1+n, "the state volume has room again")
	}
	l.wantReady("")
}

// sized is a message of so many bytes.
func sized(n int) courier.Message {
	m := text("sized.bin")
	content := bytes.Repeat([]byte{7}, n)
	m.Size, m.SHA256 = uint64(n), sha256.Sum256(content)
	m.Open = func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(content)), nil }
	return m
}

// small is a file system of its own, and what fills it.
type small struct {
	t      *testing.T
	dir    string
	filler *os.File
	files  []string
}

// mountSmall needs root.
func mountSmall(t *testing.T, options string) *small {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" && os.Getenv("ROOT_TESTS") != "elsewhere" {
			t.Fatal("needs root to mount")
		}
		t.Skip("needs root to mount")
	}
	s := &small{t: t, dir: t.TempDir()}
	check(t, unix.Mount("tmpfs", s.dir, "tmpfs", 0, options))
	t.Cleanup(func() { check(t, unix.Unmount(s.dir, unix.MNT_DETACH)) })
	check(t, os.Mkdir(filepath.Join(s.dir, "others"), 0o700))
	var err error
	s.filler, err = os.Create(filepath.Join(s.dir, "others", "filler"))
	check(t, err)
	t.Cleanup(func() { check(t, s.filler.Close()) })
	return s
}

func (s *small) free() unix.Statfs_t {
	s.t.Helper()
	var st unix.Statfs_t
	check(s.t, unix.Statfs(s.dir, &st))
	return st
}

// leave has so many bytes free.
func (s *small) leave(bytes uint64) {
	s.t.Helper()
	info, err := s.filler.Stat()
	check(s.t, err)
	st := s.free()
	size := info.Size() + int64(st.Bavail)*int64(st.Bsize) - int64(bytes)
	check(s.t, s.filler.Truncate(size))
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Fallocate(int(s.filler.Fd()), 0, 0, size)
	}
	check(s.t, err)
}

// leaveInodes has so many of them free, about.
func (s *small) leaveInodes(n uint64) {
	s.t.Helper()
	for s.free().Ffree > n {
		name := filepath.Join(s.dir, "others", strconv.Itoa(len(s.files)))
		check(s.t, os.WriteFile(name, nil, 0o600))
		s.files = append(s.files, name)
	}
	for s.free().Ffree < n {
		last := len(s.files) - 1
		check(s.t, os.Remove(s.files[last]))
		s.files = s.files[:last]
	}
}
