package daemon_test

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// exposed are names of metrics of the server and its process, and no others' of the project.
var exposed = regexp.MustCompile(`\b(?:sealpost|process|go)_[a-z0-9_]+`)

// named returns which metrics of a server that has its logbook to itself a text speaks of.
func named(text string) (names []string) {
	for _, name := range exposed.FindAllString(text, -1) {
		ofAnother := strings.HasPrefix(name, "sealpost_outbox_") || strings.HasPrefix(name, "sealpost_collector_") ||
			strings.HasPrefix(name, "sealpost_cluster_")
		if !ofAnother && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// queries returns what the dashboard's panels ask for.
func queries(t *testing.T) (list []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(monitoringDir, "dashboard.json"))
	check(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	check(t, json.Unmarshal(text, &dashboard))
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			list = append(list, strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(target.Expr))
		}
	}
	if len(list) < 20 {
		t.Fatalf("the dashboard asks %d times", len(list))
	}
	return list
}

// TestMonitoring: Debian's Prometheus scrapes the server, evaluates every rule and answers every
// query of the dashboard. Each metric that these name is there. A message that is refused rings an
// alert, which says what to do.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	ofPrometheus(t, "prometheus")
	l := newLive(t)
	l.start()
	l.ready()
	l.deliver(l.courier(l.command.Identity()), text("one"))
	w := l.watched()
	l.eventually("a scrape", func() bool { return w.names()["sealpost_next_number"] })

	names := w.names()
	alerts, err := os.ReadFile(filepath.Join(monitoringDir, "alerts.yaml"))
	check(t, err)
	for _, name := range named(string(alerts) + strings.Join(queries(t), "\n")) {
		if !names[name] && !names[name+"_bucket"] {
			t.Errorf("the server has no %s", name)
		}
	}
	for _, query := range queries(t) {
		if !w.ask("query", url.Values{"query": {query}}, new(any)) {
			t.Errorf("Prometheus cannot answer %s", query)
		}
	}

	conn, in := l.session(l.token)
	_, err = conn.Write(framing.AppendOffer(nil, framing.Offer{ID: message.NewID()})) // without a name
	check(t, err)
	if rec, err := in.Next(); err != nil || rec.Type != framing.TypeRefusal {
		t.Fatalf("%s, %v", rec.Type, err)
	}
	var refused alertRule
	l.eventually("the alert", func() bool {
		rules := w.rules()
		i := slices.IndexFunc(rules, func(r alertRule) bool { return r.Name == "SealpostRefusesMessages" })
		if i >= 0 {
			refused = rules[i]
		}
		return refused.State == "firing"
	})
	said := refused.Alerts[0].Annotations
	if want := l.admin + " refuses messages for good: bad offer"; said["summary"] != want || said["description"] == "" {
		t.Errorf("the alert says %q", said)
	}
	for _, rule := range w.rules() {
		if rule.Health != "ok" || rule.State == "firing" != (rule.Name == refused.Name) {
			t.Errorf("%+v", rule)
		}
	}
}

// TestMetricsByConvention: promtool has nothing to say against names and help texts.
func TestMetricsByConvention(t *testing.T) {
	t.Parallel()
	promtool := ofPrometheus(t, "promtool")
	l := newLive(t)
	l.start()
	l.ready()
	lint := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	lint.Stdin = strings.NewReader(l.get("/metrics"))
	if out, err := lint.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
