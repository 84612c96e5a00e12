package daemon_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const monitoringDir = "../../../examples/monitoring"

// ofPrometheus returns the path of one of its programs. scripts/test installs them where it may;
// without, the test is skipped, and fails where CI is set.
func ofPrometheus(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatal("CI needs ", program)
	}
	t.Skip("needs ", program, " (Debian: prometheus)")
	return ""
}

// watcher is a Prometheus that scrapes the server.
type watcher struct {
	l       *live
	address string
}

// watched starts a Prometheus with the example's configuration, but for the server's address and
// how often it looks.
func (l *live) watched() *watcher {
	l.t.Helper()
	dir := l.t.TempDir()
	config, err := os.ReadFile(filepath.Join(monitoringDir, "prometheus.yaml"))
	check(l.t, err)
	here := strings.NewReplacer("server:9513", l.admin, "15s", "200ms").Replace(string(config))
	check(l.t, os.WriteFile(filepath.Join(dir, "prometheus.yaml"), []byte(here), 0o600))
	rules, err := os.ReadFile(filepath.Join(monitoringDir, "alerts.yaml"))
	check(l.t, err)
	check(l.t, os.WriteFile(filepath.Join(dir, "alerts.yaml"), rules, 0o600))
	cmd := exec.CommandContext(l.t.Context(), ofPrometheus(l.t, "prometheus"), "--web.listen-address=127.0.0.1:0",
		"--config.file="+filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path="+filepath.Join(dir, "metrics"))
	said := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = said, said
	check(l.t, cmd.Start())
	l.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if l.t.Failed() {
			l.t.Logf("prometheus said: %s", said)
		}
	})
	w := &watcher{l: l}
	listening := regexp.MustCompile(`msg="Listening on" address=(\S+)`)
	l.eventually("Prometheus", func() bool {
		m := listening.FindStringSubmatch(said.String())
		if m != nil {
			w.address = m[1]
		}
		return m != nil
	})
	return w
}

// ask reads an answer of the HTTP API into data; false means that Prometheus cannot give it, as
// before it is ready.
func (w *watcher) ask(path string, query url.Values, data any) bool {
	w.l.t.Helper()
	address := "http://" + w.address + "/api/v1/" + path + "?" + query.Encode()
	request, err := http.NewRequestWithContext(w.l.t.Context(), http.MethodGet, address, nil)
	check(w.l.t, err)
	response, err := http.DefaultClient.Do(request)
	check(w.l.t, err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return false
	}
	answer := struct{ Data any }{data}
	check(w.l.t, json.NewDecoder(response.Body).Decode(&answer))
	return true
}

// names returns which metrics Prometheus has.
func (w *watcher) names() map[string]bool {
	w.l.t.Helper()
	var list []string
	w.ask("label/__name__/values", nil, &list)
	names := make(map[string]bool)
	for _, name := range list {
		names[name] = true
	}
	return names
}

// alertRule is a rule as Prometheus tells of it.
type alertRule struct {
	Name, Health, LastError, State, LastEvaluation string
	Alerts                                         []struct{ Annotations map[string]string }
}

func (w *watcher) rules() (list []alertRule) {
	w.l.t.Helper()
	var groups struct{ Groups []struct{ Rules []alertRule } }
	w.ask("rules", nil, &groups)
	for _, g := range groups.Groups {
		list = append(list, g.Rules...)
	}
	return list
}
