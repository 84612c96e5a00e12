package collector_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"sealpost/services/driver/drivertest"
)

// other is the user that an output directory is given to: another one where the
// tests run as root, and may give things away.
func other() int {
	if os.Geteuid() == 0 {
		return 65531
	}
	return os.Geteuid()
}

// as makes cmd run as that user.
func as(uid int, cmd *exec.Cmd) *exec.Cmd {
	if uid != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	return cmd
}

// TestOwnerReadsAndRemovesWhatRootCollects: with the umask that keeps everything
// private, and one file that is owed.
func TestOwnerReadsAndRemovesWhatRootCollects(t *testing.T) {
	v := sampleVolume(t, 5)
	v.Sharded = true
	sharded := v.Add("sharded.txt", []byte("sharded")).File
	shard := filepath.Dir(sharded)
	late := v.Read(v.Entries[2].File)
	v.Remove(v.Entries[2].File)
	addr, uid := drivertest.Serve(t, v.Dir, nil), other()
	dir := t.TempDir()
	if uid != os.Geteuid() {
		if err := os.Chown(dir, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	run := func() {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), addrEnv+"="+addr, dirEnv+"="+dir, umaskEnv+"=077")
		out, err := cmd.CombinedOutput()
		if owed := owed(t, dir) != ""; owed != (err != nil) {
			t.Fatalf("%v: %s", err, out)
		}
	}
	run()
	v.Write(v.Entries[2].File, late)
	shell(t, uid, dir, `cat owed`)
	run()
	shell(t, uid, dir, `for f in server_message*.txt manifest.jsonl checkpoint; do
		test "$(stat -c %a "$f")" = 644 || exit 1
	done`)
	shell(t, uid, dir, `test "$(stat -c %a `+shard+`)" = 755 && echo >>`+sharded+` && rm `+sharded+` && rmdir `+shard)
	shell(t, uid, dir, `for f in .c* server_message*.txt manifest.jsonl checkpoint; do
		cat "$f" >/dev/null && echo >>"$f" || exit 1
	done`)
	shell(t, uid, dir, `rm .c* .owing server_message*.txt manifest.jsonl checkpoint && test -z "$(ls -A)"`)
}

// shell runs a script as that user in dir, also where the user may not enter the
// directories above it.
func shell(t *testing.T, uid int, dir, script string) {
	t.Helper()
	open, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	cmd := as(uid, exec.CommandContext(t.Context(), "/bin/sh", "-c", "cd /proc/self/fd/3 && "+script))
	cmd.Dir, cmd.ExtraFiles = "/", []*os.File{open}
	if out, err := cmd.CombinedOutput(); err != nil {
		list, _ := exec.Command("ls", "-lan", dir).CombinedOutput()
		t.Errorf("%s: %v: %s\n%s", script, err, out, list)
	}
}

// TestLinksAreNotFollowed: the directory's owner puts links to a file of
// somebody else where the driver writes. It is neither changed nor given away.
func TestLinksAreNotFollowed(t *testing.T) {
	for name, link := range map[string]func(from, to string) error{"symbolic": os.Symlink, "hard": os.Link} {
		t.Run(name, func(t *testing.T) {
			v := sampleVolume(t, 4)
			cfg := config(t, drivertest.Serve(t, v.Dir, nil))
			private := filepath.Join(t.TempDir(), "private")
			if err := os.WriteFile(private, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			if uid := other(); uid != os.Geteuid() {
				if err := os.Chown(cfg.Dir, uid, uid); err != nil {
					t.Fatal(err)
				}
			}
			for _, e := range []string{part1, part3, ".manifest.jsonl.new"} {
				if err := link(private, filepath.Join(cfg.Dir, e)); err != nil {
					t.Fatal(err)
				}
			}
			mustCollect(t, cfg)
			for _, e := range v.Entries {
				if !bytes.Equal(read(t, cfg.Dir, e.File), v.Read(e.File)) {
					t.Errorf("%s did not come", e.File)
				}
			}
			sameAsBefore(t, private)
			if err := os.Remove(filepath.Join(cfg.Dir, "manifest.jsonl")); err != nil {
				t.Fatal(err)
			}
			if err := link(private, filepath.Join(cfg.Dir, "manifest.jsonl")); err != nil {
				t.Fatal(err)
			}
			if _, _, err := collect(t, cfg); err == nil {
				t.Error("collected by a link")
			}
			sameAsBefore(t, private)
		})
	}
}

func sameAsBefore(t *testing.T, private string) {
	t.Helper()
	info, err := os.Stat(private)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		t.Errorf("mode %v, owner %d", info.Mode(), info.Sys().(*syscall.Stat_t).Uid)
	}
	if text, err := os.ReadFile(private); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
}
