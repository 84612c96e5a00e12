package build

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	stamped := debug.BuildInfo{
		Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}}
	dirty := debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs.modified", Value: "true"}, {Key: "vcs.revision", Value: "abc"}}}
	bare := debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}}
	for _, row := range []struct {
		name                      string
		stamps                    debug.BuildInfo
		version, revision         string
		wantVersion, wantRevision string
	}{
		{"nothing known", debug.BuildInfo{}, "", "", "(devel)", "unknown"},
		{"stamped", stamped, "", "", "v1.2.3", "abc"},
		{"changed files", dirty, "", "", "(devel)", "abc+dirty"},
		{"no commit", bare, "", "", "(devel)", "unknown"},
		{"linker", stamped, "v2.0.0", "def", "v2.0.0", "def"},
	} {
		got := describe(&row.stamps, row.version, row.revision)
		want := Info{row.wantVersion, row.wantRevision, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
		if got != want {
			t.Errorf("%s: %+v, want %+v", row.name, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	got := Info{"v1.2.3", "abc", "go1.26.0", "linux/386"}.line("server")
	if want := "server v1.2.3, revision abc, go1.26.0, linux/386\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestImageBuild: a program of an image is the same byte for byte wherever and however
// often it is built, also in a repository; it names no directory of the build, and says
// what the linker was told. The driver has the code of all three in it.
func TestImageBuild(t *testing.T) {
	flags := imageFlags(t)
	var first []byte
	for _, repository := range []bool{false, true} {
		dir := t.TempDir()
		copySources(t, dir)
		if repository {
			run(t, dir, "git", "init", "-q")
			run(t, dir, "git", "-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "--allow-empty", "-m", "x")
		}
		run(t, dir, "go", append(append([]string{"build"}, flags...), "-o", "driver", "./services/driver")...)
		built, err := os.ReadFile(filepath.Join(dir, "driver"))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = built
		}
		if !bytes.Equal(first, built) {
			t.Error("two builds differ")
		}
		if bytes.Contains(built, []byte(dir)) {
			t.Error("it names the directory that it was built in")
		}
		if out := run(t, dir, "./driver", "version"); !strings.HasPrefix(out, "driver v9.8.7, revision abc, ") {
			t.Errorf("it says %s", out)
		}
	}
}

// imageFlags are those of go build in the images' Dockerfiles.
func imageFlags(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile.server")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?s)CGO_ENABLED=0 go build ([^"]*)-ldflags "(.*?)"`).FindSubmatch(text)
	if m == nil {
		t.Fatal("Dockerfile.server has no such go build")
	}
	told := strings.NewReplacer("$VERSION", "v9.8.7", "$REVISION", "abc").Replace(string(m[2]))
	return append(strings.Fields(strings.ReplaceAll(string(m[1]), "\\\n", " ")), "-ldflags", told)
}

// copySources copies what the Dockerfiles copy.
func copySources(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"go.mod", "go.sum", "shared", "services"} {
		if out, err := exec.CommandContext(t.Context(), "cp", "-r", "../../"+name, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=auto") // its default
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return string(out)
}
