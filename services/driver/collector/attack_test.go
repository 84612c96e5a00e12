package collector_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/nettest"
)

// shared lets everybody write into the output directory, as nobody should.
func shared(t *testing.T, cfg collector.Config) {
	t.Helper()
	if err := os.Chmod(cfg.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
}

// plants are what a neighbour puts under a name that the driver uses, each made
// of the private file at from.
var plants = map[string]func(from, to string) error{
	"symbolic link": os.Symlink,
	"hard link":     os.Link,
	"last name":     os.Rename, // moved, or linked before its owner removed it
	"FIFO":          func(_, to string) error { return syscall.Mkfifo(to, 0o666) },
	// /dev/zero has no end.
	"device":    func(_, to string) error { return syscall.Mknod(to, syscall.S_IFCHR|0o666, 1<<8|5) },
	"directory": func(_, to string) error { return os.MkdirAll(filepath.Join(to, "full"), 0o777) },
	"own file":  ownFile,
}

// ownFile is one of the neighbour's, who can write to it at any time.
func ownFile(_, to string) error {
	return errors.Join(os.WriteFile(to, []byte("neighbour"), 0o666), os.Chmod(to, 0o666), os.Chown(to, 4242, 4242))
}

// names are all under which the driver opens something in its output directory.
var names = []string{
	"manifest.jsonl", ".manifest.jsonl.new", ".collecting", ".owing", "owed", "checkpoint",
	"server_message1.txt", ".server_message1.txt.part", ".server_message3.txt.part",
}

// TestPlanted puts each under each name, with a server and with none. The private
// file keeps its bytes, mode and owner, wherever its name is; the run ends; and
// whatever else comes is what the server has.
func TestPlanted(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes devices, and files of others")
	}
	v := sampleVolume(t, 4)
	addr := drivertest.Serve(t, v.Dir, nil)
	gone := nettest.Listen(t)
	gone.Close()
	for _, name := range names {
		for kind, plant := range plants {
			for where, addr := range map[string]string{"server": addr, "none": gone.Addr().String()} {
				t.Run(fmt.Sprintf("%s as %s, %s", kind, name, where), func(t *testing.T) {
					planted(t, v, addr, name, plant)
				})
			}
		}
	}
}

func planted(t *testing.T, v *drivertest.Volume, addr, name string, plant func(from, to string) error) {
	cfg := config(t, addr)
	cfg.Attempts = 1
	shared(t, cfg)
	private := filepath.Join(t.TempDir(), "private")
	// A file that begins as one which a power cut left.
	if err := os.WriteFile(private, append(make([]byte, 64), "mine"...), 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := os.OpenFile(private, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := plant(private, filepath.Join(cfg.Dir, name)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cfg.Opened = func(out *collector.Output) {
			_, _ = out.ReadFile("checkpoint", 1<<10)
			_ = out.WriteFile("checkpoint", []byte("signed"))
		}
		_, _, _ = collect(t, cfg) // whether it can go on is another matter
		_, _ = collector.Forget(cfg.Dir, set(t, "0"))
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("it waits for something that was planted")
	}
	stillPrivate(t, held)
	for _, e := range v.Entries {
		info, err := os.Lstat(filepath.Join(cfg.Dir, e.File))
		if err != nil || e.File == name {
			continue // did not come, which is said
		}
		if !info.Mode().IsRegular() || !bytes.Equal(read(t, cfg.Dir, e.File), v.Read(e.File)) {
			t.Errorf("%s is not the server's", e.File)
		}
	}
}

// stillPrivate looks at a file by what holds it open.
func stillPrivate(t *testing.T, held *os.File) {
	t.Helper()
	info, err := held.Stat()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(io.NewSectionReader(held, 0, 1<<10))
	if err != nil || !bytes.Equal(text, append(make([]byte, 64), "mine"...)) {
		t.Errorf("the private file holds %q, %v", text, err)
	}
	if owner := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != 0o600 || owner.Uid != 0 || owner.Gid != 0 {
		t.Errorf("the private file has mode %v, owner %d:%d", info.Mode(), owner.Uid, owner.Gid)
	}
}

// TestExchangedInTransfer: while a file comes, a neighbour does something to the
// names in the directory. What then has the log file's name is what the server
// sent, or nothing that the driver put there.
func TestExchangedInTransfer(t *testing.T) {
	private := filepath.Join(t.TempDir(), "private")
	if err := os.WriteFile(private, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for kind, plant := range map[string]func(dir string) error{
		"a link in the place of the part": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, part1)), os.Symlink(private, filepath.Join(dir, part1)))
		},
		"another file in the place of the part": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, part1)),
				os.WriteFile(filepath.Join(dir, part1), []byte("other"), 0o644))
		},
		"a file under the name": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "server_message1.txt"), []byte("mine"), 0o644)
		},
		"a link under the name": func(dir string) error {
			return os.Symlink(private, filepath.Join(dir, "server_message1.txt"))
		},
	} {
		t.Run(kind, func(t *testing.T) {
			v := drivertest.NewVolume(t)
			v.Add("0.txt", []byte("first"))
			v.Add("1.txt", []byte("second"))
			cfg := config(t, "")
			cfg.MaxInMemory = -1
			cfg.Addr = exchanging(t, v, func() error { return plant(cfg.Dir) })
			cfg.Attempts = 1
			items, result, err := collect(t, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if len(result.Failures) != 1 || items[1].New {
				t.Errorf("what was exchanged counts as collected: %+v", result)
			}
			if owed(t, cfg.Dir) != "1\n" {
				t.Errorf("owed: %q", owed(t, cfg.Dir))
			}
			part := strings.HasSuffix(kind, "of the part")
			if _, err := os.Lstat(filepath.Join(cfg.Dir, "server_message1.txt")); part && !errors.Is(err, fs.ErrNotExist) {
				t.Error("what was put in the place of the part has the name of the log file")
			}
			if text, err := os.ReadFile(private); err != nil || string(text) != "mine" {
				t.Errorf("%q, %v", text, err)
			}
			if kind == "a file under the name" && string(read(t, cfg.Dir, "server_message1.txt")) != "mine" {
				t.Error("a file was replaced")
			}
		})
	}
}

// TestPlantedBeforeASmallFile: what a neighbour puts in the place of a file that is
// written at once is taken away, or keeps its name.
func TestPlantedBeforeASmallFile(t *testing.T) {
	private := filepath.Join(t.TempDir(), "private")
	if err := os.WriteFile(private, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"a part": part1, "the name": "server_message1.txt"} {
		t.Run(name, func(t *testing.T) {
			v := drivertest.NewVolume(t)
			v.Add("0.txt", []byte("first"))
			v.Add("1.txt", []byte("second"))
			cfg := config(t, "")
			cfg.Addr = exchanging(t, v, func() error { return os.Symlink(private, filepath.Join(cfg.Dir, file)) })
			_, result, err := collect(t, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if file == part1 {
				sameFiles(t, v, cfg.Dir)
			} else if len(result.Failures) != 1 || !errors.Is(result.Failures[0], collector.ErrForeign) {
				t.Errorf("it was taken for the log file: %+v", result)
			}
			if text, err := os.ReadFile(private); err != nil || string(text) != "mine" {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
}

// part1 is of a file that is checked in memory, part3 of one that is not.
const (
	part1 = ".server_message1.txt.part"
	part3 = ".server_message3.txt.part"
)

// exchanging serves a volume and does something in the middle of its second file.
func exchanging(t *testing.T, v *drivertest.Volume, exchange func() error) string {
	t.Helper()
	m := &misbehaving{files: filesOf(v)}
	m.send = func(data net.Conn, name string, body []byte) string {
		half := len(body) / 2
		_, err := data.Write(body[:half])
		if name == "server_message1.txt" {
			err = errors.Join(err, exchange())
		}
		_, rest := data.Write(body[half:])
		if err = errors.Join(err, rest); err != nil {
			t.Error(err)
		}
		return "226 done"
	}
	return m.start(t)
}

// TestPlantedPartIsNotResumed: a neighbour leaves the beginning of a file, in a
// file of their own, and keeps it open for writing. Nothing that is shown can be
// changed through it.
func TestPlantedPartIsNotResumed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes files of others")
	}
	v := sampleVolume(t, 4)
	for name, plant := range map[string]func(path string, start []byte) error{
		"of another": func(path string, start []byte) error {
			return errors.Join(os.WriteFile(path, start, 0o644), os.Chown(path, 4242, 4242))
		},
		"writable by others": func(path string, start []byte) error {
			return errors.Join(os.WriteFile(path, start, 0o644), os.Chmod(path, 0o666))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, drivertest.Serve(t, v.Dir, nil))
			path := filepath.Join(cfg.Dir, part3)
			if err := plant(path, v.Read(v.Entries[3].File)[:10]); err != nil {
				t.Fatal(err)
			}
			held, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close()
			mustCollect(t, cfg)
			if _, err := held.WriteAt([]byte("forged"), 0); err != nil {
				t.Fatal(err)
			}
			sameFiles(t, v, cfg.Dir)
		})
	}
}

// TestPlantedManifest: a file that begins as a kept manifest, with half a line at its
// end, is cut only if it is ours and here alone.
func TestPlantedManifest(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes files of others")
	}
	v := sampleVolume(t, 4)
	half := v.Lines(1) + v.Lines(1)[:20]
	for name, plant := range map[string]func(path string) error{
		"two names": func(path string) error {
			elsewhere := filepath.Join(t.TempDir(), "manifest.jsonl")
			return errors.Join(os.WriteFile(elsewhere, []byte(half), 0o644), os.Link(elsewhere, path))
		},
		"of another": func(path string) error {
			return errors.Join(os.WriteFile(path, []byte(half), 0o644), os.Chown(path, 4242, 4242))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, drivertest.Serve(t, v.Dir, nil))
			if err := plant(filepath.Join(cfg.Dir, logfile.ManifestName)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := collect(t, cfg); err == nil {
				t.Error("it was taken")
			}
			if got := string(read(t, cfg.Dir, logfile.ManifestName)); got != half {
				t.Errorf("it became %q", got)
			}
		})
	}
}

// TestItemIsTheFileThatWasChecked: what is put in its place before it is printed is
// not opened for it.
func TestItemIsTheFileThatWasChecked(t *testing.T) {
	v := sampleVolume(t, 4)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	cfg.Each = func(item collector.Item) error {
		f, err := item.Open()
		if err != nil {
			return err
		}
		defer f.Close() // its number is not free for the next one
		if err := os.Remove(item.Path); err != nil {
			return err
		}
		if err := os.WriteFile(item.Path, v.Read(item.Entry.File), 0o644); err != nil {
			return err
		}
		if _, err := item.Open(); !errors.Is(err, durable.ErrExchanged) {
			t.Errorf("%s: error %v", item.Path, err)
		}
		return nil
	}
	if result, err := collector.Collect(t.Context(), cfg); err != nil || result.New != 4 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestBytesBeforeTheirCheck: nothing that a server sends lies under a name in the
// directory before it was checked, other than under that of a log file's part.
func TestBytesBeforeTheirCheck(t *testing.T) {
	const key = "ssh-ed25519 AAAA attacker\n"
	v := drivertest.NewVolume(t)
	v.Add("0.txt", []byte("first"))
	cfg := config(t, "")
	cfg.Attempts = 1
	looked := make(chan struct{})
	m := &misbehaving{files: map[string][]byte{logfile.ManifestName: []byte(key + key)}}
	m.send = func(data net.Conn, _ string, body []byte) string {
		if _, err := data.Write(body); err != nil {
			t.Error(err)
		}
		return "226 done"
	}
	look := func() {
		for _, e := range entries(t, cfg.Dir) {
			if text, err := os.ReadFile(filepath.Join(cfg.Dir, e.Name())); err != nil || bytes.Contains(text, []byte("ssh-")) {
				t.Errorf("%s holds what the server sent: %q, %v", e.Name(), text, err)
			}
		}
	}
	seen := sync.OnceFunc(func() { look(); close(looked) })
	cfg.Addr = m.start(t)
	m.reply = func(_ *ftpClient, command, _ string) bool {
		if command == "QUIT" { // the manifest has come, and was found wanting
			seen()
		}
		return false
	}
	_, err := collector.Collect(t.Context(), cfg)
	if !errors.As(err, new(*collector.ManifestError)) {
		t.Errorf("error %v", err)
	}
	select {
	case <-looked: // the collector does not wait for the answer to QUIT
	case <-time.After(time.Minute):
		t.Error("nobody looked")
	}
	look()
}

func entries(t *testing.T, dir string) []fs.DirEntry {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return list
}
