package docs

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	client "sealpost/services/client/cli"
	"sealpost/services/driver/run"
	"sealpost/services/server/daemon"
	"sealpost/shared/message"
	"sealpost/shared/settings"
)

const readme = "../README.md"

// compare reports which names are on one side alone.
func compare(t *testing.T, page string, listed, there map[string]bool) {
	t.Helper()
	for name := range there {
		if !listed[name] {
			t.Errorf("%s does not list %s", page, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		if !there[name] {
			t.Errorf("%s lists %s, which does not exist", page, name)
		}
	}
}

// firstCells returns what stands in code, with this form, in the first cells of
// a page's tables.
func firstCells(t *testing.T, page, form string) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	for line := range strings.Lines(read(t, page)) {
		if cells := strings.Split(line, "|"); len(cells) > 2 && cells[0] == "" {
			for _, m := range regexp.MustCompile("`("+form+")`").FindAllStringSubmatch(cells[1], -1) {
				found[m[1]] = true
			}
		}
	}
	return found
}

// TestSettingsAreListed: the README's table has each setting of the programs. A
// row with * for the program is for all three.
func TestSettingsAreListed(t *testing.T) {
	listed, there := firstCells(t, readme, `(?:SERVER|CLIENT|DRIVER|\*)_[A-Z0-9_]+`), make(map[string]bool)
	for prefix, config := range map[string]any{
		daemon.Prefix: new(daemon.Config), "CLIENT": new(client.Settings), run.Prefix: new(run.Settings),
	} {
		for _, s := range settings.Effective(prefix, config) {
			if all := "*" + strings.TrimPrefix(s.Name, prefix); listed[all] {
				there[all] = true
				continue
			}
			there[s.Name] = true
		}
	}
	compare(t, "the README", listed, there)
}

// TestLimitsOnTheFirstScreen: what people meet first is what the code takes.
func TestLimitsOnTheFirstScreen(t *testing.T) {
	var config daemon.Config
	if _, err := settings.Load("SERVER_TEST_DEFAULTS", &config); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{
		fmt.Sprintf("| %d bytes of UTF-8; %d letters, digits", message.MaxName, message.MaxSender),
		fmt.Sprintf("| `%s`, `SERVER_MAX_MESSAGE_BYTES`", config.MaxMessageBytes),
	} {
		if !strings.Contains(read(t, readme), words) {
			t.Errorf("the README does not say %q", words)
		}
	}
}

// TestMetricsAreListed: the README's table has each metric that the sources name.
func TestMetricsAreListed(t *testing.T) {
	there := make(map[string]bool)
	name := regexp.MustCompile(`(?:Name:\s+|NewDesc\()"(sealpost_[a-z_]+)"`)
	err := fs.WalkDir(os.DirFS(".."), ".", func(file string, _ fs.DirEntry, err error) error {
		program := strings.HasPrefix(file, "services/") || strings.HasPrefix(file, "shared/")
		if err != nil || path.Ext(file) != ".go" || !program {
			return err
		}
		for _, m := range name.FindAllStringSubmatch(read(t, "../"+file), -1) {
			there[m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "the README", firstCells(t, readme, `sealpost_[a-z_]+`), there)
}

// TestTargetsAreListed: CONTRIBUTING has each target of the Makefile.
func TestTargetsAreListed(t *testing.T) {
	there := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^([a-z]+):`).FindAllStringSubmatch(read(t, "../Makefile"), -1) {
		there["make "+m[1]] = true
	}
	compare(t, "CONTRIBUTING.md", firstCells(t, "../CONTRIBUTING.md", `make [a-z]+`), there)
}
