package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	unitsDir = root + "/examples/systemd"
	// mostExposed is what systemd-analyze security may say of a unit, times ten: 1.5
	// of 10, where a unit without any hardening has 9.6.
	mostExposed = "15"
)

// systemd returns the path of one of its programs. scripts/test installs them where
// it may; without, the test is skipped, and fails where CI is set.
func systemd(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatal("CI needs ", program)
	}
	t.Skip("needs ", program, " (Debian: systemd)")
	return ""
}

// host lays out a root directory as README.md has people do: the programs, these
// units, and beside them those of the distribution.
func host(t *testing.T) (dir string, units []string) {
	t.Helper()
	dir = t.TempDir()
	own := filepath.Join(dir, "etc/systemd/system")
	check(t, os.MkdirAll(own, 0o755))
	check(t, os.MkdirAll(filepath.Join(dir, "usr/local/bin"), 0o755))
	check(t, os.CopyFS(filepath.Join(dir, "usr/lib/systemd/system"), os.DirFS("/usr/lib/systemd/system")))
	for program := range programs {
		build := exec.CommandContext(t.Context(), "go", "build", "-o",
			filepath.Join(dir, "usr/local/bin/sealpost-"+program), "sealpost/services/"+program)
		out, err := build.CombinedOutput()
		if err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
		unit := "sealpost-" + program + ".service"
		check(t, os.WriteFile(filepath.Join(own, unit), []byte(text(t, filepath.Join(unitsDir, unit))), 0o600))
		units = append(units, unit)
	}
	return dir, units
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	check(t, err)
	return string(raw)
}

// TestUnits: systemd has nothing to say against the units, finds the programs that
// they start, and calls each of them hardened.
func TestUnits(t *testing.T) {
	analyze := systemd(t, "systemd-analyze")
	dir, units := host(t)
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), analyze, append([]string{"--root=" + dir, "--no-pager"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil || args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze %q: %v\n%s", args, err, out)
		}
	}
	run(append([]string{"verify", "--man=no"}, units...)...)
	for _, unit := range units {
		run("security", "--offline=true", "--threshold="+mostExposed, unit)
	}
}

// values returns what a unit gives a key, in each of its lines.
func values(unit, key string) (found []string) {
	for _, m := range regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(unit, -1) {
		found = append(found, m[1])
	}
	return found
}

// environment returns what a unit's lines Environment= set.
func environment(unit string) map[string]string {
	env := make(map[string]string)
	for _, assignment := range values(unit, "Environment") {
		name, value, _ := strings.Cut(assignment, "=")
		env[name] = value
	}
	return env
}

// TestUnitsSettings: the programs take the settings that the units give them; the
// credential that one of them names is loaded.
func TestUnitsSettings(t *testing.T) {
	for program := range programs {
		unit := text(t, filepath.Join(unitsDir, "sealpost-"+program+".service"))
		expectSettings(t, program, environment(unit))
		for name, value := range environment(unit) {
			credential, is := strings.CutPrefix(value, "%d/")
			if is && !slices.ContainsFunc(values(unit, "LoadCredential"),
				func(loaded string) bool { return strings.HasPrefix(loaded, credential+":/") }) {
				t.Errorf("%s: %s names the credential %s, which is not loaded", program, name, credential)
			}
		}
	}
}

// TestUnitsDrain: systemd waits for longer than the server drains.
func TestUnitsDrain(t *testing.T) {
	unit := text(t, filepath.Join(unitsDir, "sealpost-server.service"))
	drain, err := time.ParseDuration(environment(unit)["SERVER_DRAIN_TIMEOUT"])
	check(t, err)
	stop, err := time.ParseDuration(strings.Join(values(unit, "TimeoutStopSec"), ""))
	check(t, err)
	if stop <= drain {
		t.Errorf("SIGKILL comes after %v, and the server may drain for %v", stop, drain)
	}
}

// TestUnitsUsers: systemd-sysusers takes the file, and makes each user and group
// that the units and the outbox are given to.
func TestUnitsUsers(t *testing.T) {
	sysusers := systemd(t, "systemd-sysusers")
	file, err := filepath.Abs(filepath.Join(unitsDir, "sealpost.sysusers"))
	check(t, err)
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "etc"), 0o755))
	if out, err := exec.CommandContext(t.Context(), sysusers, "--root="+dir, file).CombinedOutput(); err != nil {
		t.Fatalf("systemd-sysusers: %v\n%s", err, out)
	}
	passwd, group := "\n"+text(t, filepath.Join(dir, "etc/passwd")), "\n"+text(t, filepath.Join(dir, "etc/group"))
	for program := range programs {
		unit := text(t, filepath.Join(unitsDir, "sealpost-"+program+".service"))
		for _, user := range values(unit, "User") {
			if !strings.Contains(passwd, "\n"+user+":") {
				t.Errorf("%s: no user %s", program, user)
			}
		}
		for _, name := range values(unit, "Group") {
			if !strings.Contains(group, "\n"+name+":") {
				t.Errorf("%s: no group %s", program, name)
			}
		}
	}
}
