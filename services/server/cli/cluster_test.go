package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/server/cluster"
	"sealpost/services/server/stream/natstest"
)

// inCluster sets what a server of a cluster is told, whose user of the nodes may create
// streams, and whose directories are new.
func inCluster(t *testing.T, nodes *natstest.Cluster, key, name string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for variable, value := range map[string]string{
		"STATE_DIR": filepath.Join(dir, "state"), "DATA_DIR": filepath.Join(dir, "data"), "LOGBOOK": "nats",
		"NATS_URL": strings.Join(nodes.URLs(), ","), "NATS_USER": "admin", "NATS_PASSWORD": natstest.Password,
		"CLUSTER_NAME": name, "CLUSTER_KEY": key,
	} {
		t.Setenv("SERVER_"+variable, value)
	}
	return dir
}

// done calls a command that is to succeed, and returns what it prints.
func done(t *testing.T, args ...string) string {
	t.Helper()
	status, out, problems := call(t, args...)
	if status != exitOK {
		t.Fatalf("server %v: status %d, %s", args, status, problems)
	}
	return out
}

// shown is the cluster as a command shows it.
func shown(t *testing.T) (s cluster.Status) {
	t.Helper()
	if err := json.Unmarshal([]byte(done(t, "cluster", "status", "-json")), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// servers are the names of those that count.
func servers(s cluster.Status) string {
	var names []string
	for _, server := range s.Servers {
		names = append(names, server.Name)
	}
	return strings.Join(names, " ")
}

// TestClusterCommands: what one server is told holds for all.
func TestClusterCommands(t *testing.T) {
	nodes := natstest.Start(t, natstest.Options{})
	key := strings.TrimSpace(done(t, "cluster", "key"))
	inCluster(t, nodes, key, "a")
	if status, _, problems := call(t, "sender", "add", "store"); status != exitFailed ||
		!strings.Contains(problems, "hint: begin the cluster") {
		t.Errorf("before it has begun: status %d, %s", status, problems)
	}
	if text := done(t, "cluster", "accounts"); !strings.Contains(text, `"$JS.API.STREAM.PURGE.SEALPOST_`) {
		t.Errorf("the accounts are\n%s", text)
	}
	begun := done(t, "cluster", "init", "-max-bytes", "1GiB", "a", "b")
	if again := done(t, "cluster", "init", "-max-bytes", "1GiB", "a", "b"); again != begun {
		t.Errorf("init says %q, then %q", begun, again)
	}
	if got := servers(shown(t)); got != "a b" || len(shown(t).Nodes) != 3 {
		t.Errorf("servers %s, nodes %+v", got, shown(t).Nodes)
	}
	added := done(t, "sender", "add", "store")

	inCluster(t, nodes, key, "c")
	if list := done(t, "sender", "list"); !strings.Contains(list, "store") {
		t.Errorf("another server lists\n%s", list)
	}
	if mine := done(t, "identity"); !strings.Contains(added, strings.TrimSpace(mine)) {
		t.Errorf("another server has the identity %s", mine)
	}
	done(t, "cluster", "join")
	done(t, "cluster", "join", "d")
	done(t, "cluster", "forget", "b")
	if got := servers(shown(t)); got != "a c d" {
		t.Errorf("servers %s", got)
	}
	if status, _, problems := call(t, "cluster", "forget", "b"); status != exitFailed ||
		!strings.Contains(problems, "no server b counts") {
		t.Errorf("forgotten twice: status %d, %s", status, problems)
	}
	if status, _, problems := call(t, "cluster", "void", "3"); status != exitFailed ||
		!strings.Contains(problems, "not all servers stand in front of it and cannot keep it: a, c, d") {
		t.Errorf("void: status %d, %s", status, problems)
	}
	t.Setenv("SERVER_LOG_LAYOUT", "sharded")
	if out := done(t, "cluster", "upgrade"); !strings.Contains(out, "from now on") || !shown(t).Settings.Sharded {
		t.Errorf("upgrade says %s, and settings are %+v", out, shown(t).Settings)
	}
	if out := done(t, "cluster", "upgrade"); !strings.Contains(out, "already") {
		t.Errorf("upgrade says %s again", out)
	}
	if table := done(t, "cluster", "status"); !strings.Contains(table, "leads") || strings.Contains(table, "unfit") {
		t.Errorf("the status is\n%s", table)
	}
}

// TestClusterKeepsAnotherState: a server of another logbook does not lose its identity.
func TestClusterKeepsAnotherState(t *testing.T) {
	nodes := natstest.Start(t, natstest.Options{})
	key := strings.TrimSpace(done(t, "cluster", "key"))
	inCluster(t, nodes, key, "a")
	status, _, problems := call(t, "cluster", "init", "a")
	if status != exitFailed || !strings.Contains(problems, "-max-bytes") {
		t.Errorf("more than the nodes have: status %d, %s", status, problems)
	}
	done(t, "cluster", "init", "-max-bytes", "1GiB", "a")
	inCluster(t, nodes, key, "b")
	t.Setenv("SERVER_LOGBOOK", "local")
	own := done(t, "identity")
	t.Setenv("SERVER_LOGBOOK", "nats")
	if status, _, problems := call(t, "identity"); status != exitFailed || !strings.Contains(problems, "another logbook") {
		t.Errorf("status %d, %s", status, problems)
	}
	t.Setenv("SERVER_LOGBOOK", "local")
	if now := done(t, "identity"); now != own {
		t.Errorf("its identity was %s, and is %s", own, now)
	}
}
