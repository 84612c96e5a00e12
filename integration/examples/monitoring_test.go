package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
)

const monitoringDir = root + "/examples/monitoring"

// promtool runs it on the example's files. scripts/test installs it where it may; without, the test
// is skipped, and fails where CI is set.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatal("CI needs promtool")
	case err != nil:
		t.Skip("needs promtool (Debian: prometheus)")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = monitoringDir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %q: %v\n%s", args, err, out)
	}
}

// TestAlertRules: the rules fire in the situations that they are for, and not in others.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	promtool(t, "test", "rules", "alerts_test.yaml")
}

// TestMonitoringConfig: Prometheus takes configuration and rules.
func TestMonitoringConfig(t *testing.T) {
	promtool(t, "check", "config", "prometheus.yaml")
}

// TestAlertsSayWhatToDo: each rule has a severity, says in a line what is the matter and then what
// to do, and is seen to fire in a situation.
func TestAlertsSayWhatToDo(t *testing.T) {
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert               string
				Labels, Annotations map[string]string
			}
		}
	}
	check(t, yaml.Unmarshal([]byte(text(t, filepath.Join(monitoringDir, "alerts.yaml"))), &rules))
	situations, seen := text(t, filepath.Join(monitoringDir, "alerts_test.yaml")), 0
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			seen++
			severity, said := rule.Labels["severity"], rule.Annotations
			if severity != "critical" && severity != "warning" || said["summary"] == "" || len(said["description"]) < 80 {
				t.Errorf("%s: %s, %q", rule.Alert, severity, said)
			}
			if !strings.Contains(situations, `ALERTS{alertname="`+rule.Alert+`", alertstate="firing"`) {
				t.Errorf("%s fires in no situation", rule.Alert)
			}
		}
	}
	if seen == 0 {
		t.Error("no rules")
	}
}

// TestMonitoringNamesMetrics: rules and dashboard name no metric that the README's tables lack;
// these have what the programs' sources name.
func TestMonitoringNamesMetrics(t *testing.T) {
	readme := text(t, root+"/README.md")
	part := regexp.MustCompile(`_(bucket|sum|count)$`)
	for _, file := range []string{"alerts.yaml", "dashboard.json"} {
		names := regexp.MustCompile(`\bsealpost_[a-z_]+`).FindAllString(text(t, filepath.Join(monitoringDir, file)), -1)
		if len(names) == 0 {
			t.Errorf("%s names no metric", file)
		}
		for _, name := range names {
			if !strings.Contains(readme, "| `"+part.ReplaceAllString(name, "")+"` |") {
				t.Errorf("%s: there is no %s", file, name)
			}
		}
	}
}
