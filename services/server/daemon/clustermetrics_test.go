package daemon

import (
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sealpost/services/server/logbook/replicated"
	"sealpost/services/server/logbook/replicated/fold"
)

// scraped is what a logbook on several servers says of itself in these tests.
type scraped struct {
	figures replicated.Figures
	open    bool
	watch   replicated.Watch
	reg     *prometheus.Registry
}

func newCluster() *scraped {
	c := &scraped{open: true, reg: prometheus.NewRegistry()}
	registerCluster(c.reg, func() (replicated.Figures, bool) { return c.figures, c.open })
	c.watch = watchCluster(c.reg)
	return c
}

// text is what is scraped.
func (c *scraped) text(t *testing.T) string {
	t.Helper()
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(c.reg, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
	if answer.Code != http.StatusOK {
		t.Fatal(answer.Body)
	}
	return answer.Body.String()
}

func (c *scraped) says(t *testing.T, lines ...string) {
	t.Helper()
	text := c.text(t)
	for _, line := range lines {
		if !strings.Contains(text, "\nsealpost_cluster_"+line+"\n") {
			t.Errorf("the metrics lack %q:\n%s", line, text)
		}
	}
}

func TestClusterFigures(t *testing.T) {
	c := newCluster()
	c.figures = replicated.Figures{
		Position: 7, Last: 9, Behind: 1500 * time.Millisecond, Known: true, Waiting: 3, Bytes: 10, MaxBytes: 100,
		Nodes: 3, Missing: 1, Servers: map[string]fold.Server{"a": {Durable: 6}, "b": {Durable: 2}},
	}
	c.says(t, "position 7", "log_position 9", "lag_entries 2", "lag_seconds 1.5", "waiting_messages 3", "log_bytes 10",
		"log_limit_bytes 100", "nodes 3", "nodes_missing 1", "servers 2", `server_position{server="a"} 6`,
		`server_position{server="b"} 2`, `audit{state="ok"} 1`, `audit{state="minority"} 0`)
	c.figures = replicated.Figures{Audit: []replicated.Finding{replicated.Damaged, replicated.Unanswered}}
	c.says(t, "lag_entries NaN", "lag_seconds NaN", "log_limit_bytes +Inf", "servers 0", `audit{state="ok"} 0`,
		`audit{state="damaged"} 1`, `audit{state="unanswered"} 1`, `audit{state="disputed"} 0`)
	c.open = false
	if text := c.text(t); strings.Contains(text, "sealpost_cluster_position") {
		t.Errorf("a logbook that is not open says\n%s", text)
	}
}

// Counters are there before anything happens.
func TestClusterWatch(t *testing.T) {
	c := newCluster()
	counters := []string{"published_again_total", "repeats_total", "conflicts_total", "voids_total"}
	for _, name := range counters {
		c.says(t, name+" 0")
	}
	c.says(t, "acknowledgement_seconds_count 0", "answer_seconds_count 0")
	c.watch.Acknowledged(2 * time.Second)
	c.watch.Answered(3 * time.Second)
	c.says(t, "acknowledgement_seconds_sum 2", "answer_seconds_sum 3", "acknowledgement_seconds_count 1")
	for i, count := range []func(){c.watch.Again, c.watch.Repeat, c.watch.Conflict, c.watch.Void} {
		count()
		c.says(t, counters[i]+" 1")
		for _, later := range counters[i+1:] {
			c.says(t, later+" 0")
		}
	}
}

// promtool has nothing to say against the names and help texts.
func TestClusterMetricsByConvention(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal("CI needs promtool")
	} else if err != nil {
		t.Skip("needs promtool (Debian: prometheus)")
	}
	c := newCluster()
	c.figures.Servers = map[string]fold.Server{"a": {}}
	lint := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	lint.Stdin = strings.NewReader(c.text(t))
	if out, err := lint.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// The alerts name no metric and no state that there is not.
func TestClusterAlerts(t *testing.T) {
	c := newCluster()
	c.figures.Servers = map[string]fold.Server{"a": {}}
	alerts, err := os.ReadFile("../../../examples/monitoring/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\bsealpost_cluster_[a-z_]+`).FindAllString(string(alerts), -1)
	if len(names) == 0 {
		t.Error("no alerts")
	}
	text := c.text(t)
	for _, name := range names {
		if !strings.Contains(text, "# TYPE "+name+" ") {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestAudit(t *testing.T) {
	states := slices.Collect(maps.Keys(audit(nil)))
	if len(states) != len(replicated.Findings())+1 || !audit(nil)[auditOK] {
		t.Errorf("states %q", states)
	}
	for _, of := range replicated.Findings() {
		if is := audit([]replicated.Finding{of}); !is[string(of)] || is[auditOK] {
			t.Errorf("%s: %v", of, is)
		}
	}
	if limit(0) != math.Inf(1) || limit(1) != 1 {
		t.Error("limits")
	}
}
