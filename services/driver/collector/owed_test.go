package collector_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// numbers reads a set.
func set(t *testing.T, text string) numbers.Set {
	t.Helper()
	n, err := numbers.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// owed is the list in the output directory, "" if there is none.
func owed(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "owed"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// onlyFailure returns what a run failed with that went to its end.
func onlyFailure(t *testing.T, result collector.Result, err error) error {
	t.Helper()
	if err != nil || len(result.Failures) != 1 {
		t.Fatalf("%v, failures: %v", err, result.Failures)
	}
	return result.Failures[0]
}

// fetched are the log files that were asked for.
func (m *misbehaving) fetched() (names []string) {
	for _, command := range m.seen("SIZE server_message") {
		names = append(names, strings.TrimPrefix(command, "SIZE "))
	}
	return names
}

// TestOldestFilesAreGone: a hundred and fifty of them, which a server's operator
// may have removed. All others come in the first run, and the next one looks at
// nothing else again.
func TestOldestFilesAreGone(t *testing.T) {
	v := sampleVolume(t, 160)
	m := &misbehaving{files: filesOf(v)}
	for _, e := range v.Entries[:150] {
		delete(m.files, e.File)
	}
	cfg := config(t, m.start(t))
	_, result, err := collect(t, cfg)
	var missing *collector.MissingError
	failure := onlyFailure(t, result, err)
	if !errors.As(failure, &missing) || !errors.Is(failure, collector.ErrMissing) || result.New != 10 {
		t.Fatalf("%v, %+v", failure, result)
	}
	if failure.Error() != "150 messages: 0-149: missing on the server" {
		t.Errorf("%v", failure)
	}
	if owed(t, cfg.Dir) != "0-149\n" || string(read(t, cfg.Dir, logfile.ManifestName)) != v.Manifest() {
		t.Errorf("owed:\n%s", owed(t, cfg.Dir))
	}

	before := len(m.seen(""))
	v.Add("later.txt", []byte("later"))
	m.files[logfile.ManifestName] = v.Read(logfile.ManifestName)
	m.files[v.Entries[160].File] = v.Read(v.Entries[160].File)
	items, result, err := collect(t, cfg)
	if failure := onlyFailure(t, result, err); !errors.Is(failure, collector.ErrMissing) || result.New != 1 {
		t.Errorf("second run: %v, %+v", failure, result)
	}
	if got := len(m.seen("RETR server_message")); got != 150+11 { // of those that are gone each once
		t.Errorf("%d files were asked for in both runs", got)
	}
	if at := slices.IndexFunc(items, func(i collector.Item) bool { return i.New }); at != 10 {
		t.Errorf("what is new is number %d in turn", at)
	}
	if len(m.seen("")) == before {
		t.Error("what is owed was not tried again")
	}

	forgotten, err := collector.Forget(cfg.Dir, set(t, "0-148,155"))
	if err != nil || forgotten.String() != "0-148" {
		t.Errorf("forgot %v, %v", forgotten, err)
	}
	m.files[v.Entries[149].File] = v.Read(v.Entries[149].File)
	items, result = mustCollect(t, cfg)
	if last := items[160]; result.New != 1 || last.Entry.Seq != 149 || !last.New || result.Away != 149 {
		t.Errorf("the last came back: %+v", result)
	}
	if owed(t, cfg.Dir) != "" {
		t.Errorf("still owed: %s", owed(t, cfg.Dir))
	}
	if _, err := collector.Forget(cfg.Dir, set(t, "0")); !errors.Is(err, collector.ErrNotOwed) {
		t.Errorf("forgot what is not owed: %v", err)
	}
}

// TestWhatWasMovedAwayStaysDelivered: its consumer takes everything.
func TestWhatWasMovedAwayStaysDelivered(t *testing.T) {
	v := sampleVolume(t, 29)
	m := &misbehaving{files: filesOf(v)}
	cfg := config(t, m.start(t))
	mustCollect(t, cfg)
	taken := t.TempDir()
	for _, e := range v.Entries {
		if err := os.Rename(filepath.Join(cfg.Dir, e.File), filepath.Join(taken, e.File)); err != nil {
			t.Fatal(err)
		}
	}
	asked := len(m.fetched())
	items, result := mustCollect(t, cfg)
	if result.New != 0 || result.Away != 29 || len(m.fetched()) != asked || !items[3].Away {
		t.Errorf("second run: %+v, %d asked for", result, len(m.fetched())-asked)
	}

	if err := collector.Again(cfg.Dir, set(t, "3-5,7")); err != nil {
		t.Fatal(err)
	}
	if _, result := mustCollect(t, cfg); result.New != 4 || result.Away != 25 {
		t.Errorf("again: %+v", result)
	}
	for _, e := range v.Entries {
		_, err := os.Lstat(filepath.Join(cfg.Dir, e.File))
		if want := e.Seq >= 3 && e.Seq <= 5 || e.Seq == 7; (err == nil) != want {
			t.Errorf("%s: %v", e.File, err)
		}
	}
	if _, result := mustCollect(t, cfg); result.New != 0 {
		t.Errorf("afterwards: %+v", result)
	}
	if err := collector.Again(cfg.Dir, set(t, "28-29")); !errors.Is(err, collector.ErrNotReached) {
		t.Errorf("more than there is: %v", err)
	}
}

// TestOneBadFileHoldsUpNoOther: each of these stays bad, is named on each run,
// and all others come.
func TestOneBadFileHoldsUpNoOther(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, v *drivertest.Volume, cfg *collector.Config, m *misbehaving)
		want  error
	}{
		"missing": {func(_ *testing.T, _ *drivertest.Volume, _ *collector.Config, m *misbehaving) {
			delete(m.files, "server_message3.txt")
		}, collector.ErrMissing},
		"changed": {func(_ *testing.T, _ *drivertest.Volume, _ *collector.Config, m *misbehaving) {
			m.files["server_message3.txt"] = []byte(strings.Repeat("x", len(m.files["server_message3.txt"])))
		}, collector.ErrDigest},
		"too large": {func(_ *testing.T, v *drivertest.Volume, cfg *collector.Config, _ *misbehaving) {
			cfg.MaxFile = v.Entries[3].FileSize - 1
		}, collector.ErrTooLarge},
		"a directory in its place": {func(t *testing.T, _ *drivertest.Volume, cfg *collector.Config, _ *misbehaving) {
			if err := os.Mkdir(filepath.Join(cfg.Dir, "server_message3.txt"), 0o755); err != nil {
				t.Fatal(err)
			}
		}, collector.ErrForeign},
		"a directory in place of its part": {func(t *testing.T, _ *drivertest.Volume, cfg *collector.Config, _ *misbehaving) {
			if err := os.MkdirAll(filepath.Join(cfg.Dir, ".server_message3.txt.part", "x"), 0o755); err != nil {
				t.Fatal(err)
			}
		}, errExist},
		"cut by the server each time": {func(_ *testing.T, _ *drivertest.Volume, _ *collector.Config, m *misbehaving) {
			m.send = func(data net.Conn, name string, body []byte) string {
				if name == "server_message3.txt" {
					return "426 bad disk"
				}
				data.Write(body)
				return "226 done"
			}
		}, collector.ErrCut},
	} {
		t.Run(name, func(t *testing.T) {
			v := sampleVolume(t, 12)
			m := &misbehaving{files: filesOf(v)}
			cfg := config(t, m.start(t))
			cfg.Attempts = 2
			test.spoil(t, v, &cfg, m)
			for run, fresh := range []uint64{11, 0, 1} {
				if run == 2 { // more came meanwhile
					v.Add("later.txt", []byte("later"))
					m.files[logfile.ManifestName] = v.Read(logfile.ManifestName)
					m.files[v.Entries[12].File] = v.Read(v.Entries[12].File)
				}
				before := len(m.seen("RETR server_message"))
				_, result, err := collect(t, cfg)
				failure := onlyFailure(t, result, err)
				if result.New != fresh || !errors.Is(failure, test.want) || !strings.Contains(failure.Error(), "message 3") {
					t.Errorf("run %d: %v, %+v", run, failure, result)
				}
				if got := len(m.seen("RETR server_message")) - before; run > 0 && got > int(fresh)+1 {
					t.Errorf("run %d reads %d files", run, got)
				}
			}
			if owed(t, cfg.Dir) != "3\n" {
				t.Errorf("owed %q", owed(t, cfg.Dir))
			}
		})
	}
}

// errExist is what the system says of a directory that cannot be taken away.
var errExist = os.ErrExist

// TestFileThatThisMachineCannotKeep: the disk takes the others, and none of its
// room is left to this one.
func TestFileThatThisMachineCannotKeep(t *testing.T) {
	v := sampleVolume(t, 12)
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), addrEnv+"="+drivertest.Serve(t, v.Dir, nil), dirEnv+"="+dir, smallEnv+"=1")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "message 3: ") {
		t.Fatalf("%v: %s", err, out)
	}
	if owed(t, dir) != "3\n" {
		t.Errorf("owed %q", owed(t, dir))
	}
	for _, e := range v.Entries {
		if _, err := os.Lstat(filepath.Join(dir, e.File)); (err == nil) != (e.Seq != 3) {
			t.Errorf("%s: %v", e.File, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, ".server_message3.txt.part")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its part was left: %v", err)
	}
}

// TestServerThatFailsOverManyFiles: a run that gives up leaves the rest to the
// next one, which begins behind them.
func TestServerThatFailsOverManyFiles(t *testing.T) {
	v := sampleVolume(t, 20)
	m := &misbehaving{files: filesOf(v)}
	m.send = func(data net.Conn, name string, body []byte) string {
		for _, e := range v.Entries[2:14] {
			if name == e.File {
				return "426 bad disk"
			}
		}
		data.Write(body)
		return "226 done"
	}
	cfg := config(t, m.start(t))
	cfg.Attempts, cfg.MaxTrouble, cfg.Connections = 1, 5, 1
	var runs int
	for err := error(collector.ErrTrouble); err != nil; runs++ {
		var result collector.Result
		_, result, err = collect(t, cfg)
		if err != nil && (!errors.Is(err, collector.ErrTrouble) || len(result.Failures) != 5) || runs > 3 {
			t.Fatalf("run %d: %v, %+v", runs, err, result)
		}
	}
	if runs != 3 || owed(t, cfg.Dir) != "2-13\n" {
		t.Errorf("after %d runs %q is owed", runs, owed(t, cfg.Dir))
	}
}

// TestFileThatTakesTheServerDown: after it no session can be had. The next run
// begins behind it.
func TestFileThatTakesTheServerDown(t *testing.T) {
	v := sampleVolume(t, 8)
	m := &misbehaving{files: filesOf(v)}
	var down atomic.Bool
	m.greet = func(c *ftpClient) {
		if down.Load() {
			c.conn.Close()
			return
		}
		c.say("220 ready")
	}
	m.send = func(data net.Conn, name string, body []byte) string {
		if name == v.Entries[3].File {
			down.Store(true)
			return "426 out of order"
		}
		data.Write(body)
		return "226 done"
	}
	cfg := config(t, m.start(t))
	cfg.Attempts, cfg.Connections = 2, 1
	if _, _, err := collect(t, cfg); !errors.As(err, new(*collector.ConnectError)) {
		t.Fatalf("%v", err)
	}
	if owed(t, cfg.Dir) != "3\n" {
		t.Errorf("owed %q", owed(t, cfg.Dir))
	}
	down.Store(false)
	if _, result, _ := collect(t, cfg); result.New != 4 {
		t.Errorf("second run: %+v", result)
	}
}

// TestManyFailuresAreNotAllListed: they are named all the same.
func TestManyFailuresAreNotAllListed(t *testing.T) {
	v := sampleVolume(t, 130)
	m := &misbehaving{files: filesOf(v)}
	for _, e := range v.Entries {
		m.files[e.File] = append(m.files[e.File], 'x')
	}
	cfg := config(t, m.start(t))
	_, result, err := collect(t, cfg)
	var more *collector.MoreError
	if err != nil || len(result.Failures) != 101 || !errors.As(result.Failures[100], &more) {
		t.Fatalf("%v, %d failures", err, len(result.Failures))
	}
	if more.Numbers.String() != "100-129" || owed(t, cfg.Dir) != "0-129\n" {
		t.Errorf("%v; owed %q", more, owed(t, cfg.Dir))
	}
}

// A directory that no run has collected into is left as it is.
func TestNumbersOfNoCollection(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mistyped")
	_, err := collector.Forget(dir, set(t, "3"))
	for _, err := range []error{err, collector.Again(dir, set(t, "3"))} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v", err)
		}
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s was made: %v", dir, err)
	}
}

func TestListThatIsNone(t *testing.T) {
	v := sampleVolume(t, 4)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	mustCollect(t, cfg)
	for _, text := range []string{"x\n", "1-2\n\n", "3-2\n", "-1\n", "9223372036854775808\n"} {
		if err := os.WriteFile(filepath.Join(cfg.Dir, "owed"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := collect(t, cfg); !errors.As(err, new(*collector.OwedError)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
