package integration

import "testing"

// TestMonitoringProfile: with the profile the stack's server is scraped, by its name in the stack.
func TestMonitoringProfile(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.env = []string{"COMPOSE_PROFILES=monitoring"}
	s.run("build", "--quiet", "prometheus")
	s.run("up", "--no-build", "-d", "--wait", "server", "prometheus")
	s.run("exec", "-T", "prometheus", "promtool", "check", "config", "/etc/sealpost/prometheus.yaml")
	s.run("exec", "-T", "prometheus", "timeout", "120", "bash", "-c", `until promtool query instant http://127.0.0.1:9090 \
		'sealpost_serving{job="sealpost-server", instance="server:9513"} == 1' | grep '=> 1 @'; do sleep 0.1; done`)
}
