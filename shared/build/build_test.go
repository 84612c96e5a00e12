package build

import (
	"os"
	"os/exec"
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

// TestLinker: a program built as in an image says what the linker was told.
func TestLinker(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile.server")
	if err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`-ldflags "(.*)"`).FindSubmatch(text)
	if flags == nil {
		t.Fatal("Dockerfile.server has no -ldflags")
	}
	told := strings.NewReplacer("$VERSION", "v9.8.7", "$REVISION", "abc").Replace(string(flags[1]))
	run := exec.CommandContext(t.Context(), "go", "run", "-ldflags", told, "sealpost/services/client", "version")
	out, err := run.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "client v9.8.7, revision abc, ") {
		t.Errorf("%v: %s", err, out)
	}
}
