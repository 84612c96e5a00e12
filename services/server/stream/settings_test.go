package stream_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
)

func testSettings(t *testing.T, c *natstest.Cluster) {
	create(t, c, "SETTINGS", stream.Settings{MaxBytes: 1 << 20})
	for _, test := range []struct {
		settings stream.Settings
		field    string // "": fine
	}{
		{stream.Settings{MaxBytes: 1 << 20}, ""},
		{stream.Settings{MaxBytes: 1 << 20, Replicas: 3, Subject: stream.Subject("SETTINGS")}, ""},
		{stream.Settings{MaxBytes: 2 << 20}, "max_bytes"},
		{stream.Settings{MaxBytes: 1 << 20, Replicas: 1}, "num_replicas"},
		{stream.Settings{MaxBytes: 1 << 20, Subject: "sealpost.other"}, "subjects"},
	} {
		err := stream.Create(t.Context(), c.Admin("SETTINGS"), test.settings)
		if field := differs(t, err); field != test.field {
			t.Errorf("%+v: %v", test.settings, err)
		}
	}
}

// Each change that somebody could make to a stream is seen by a server that runs.
func testCheck(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "CHECK", stream.Settings{MaxBytes: 1 << 20})
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	good := config(t, c, "CHECK")
	for _, test := range []struct {
		field  string
		change func(*jetstream.StreamConfig)
	}{
		{"discard", func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }},
		{"max_bytes", func(c *jetstream.StreamConfig) { c.MaxBytes = -1 }},
		{"max_msgs", func(c *jetstream.StreamConfig) { c.MaxMsgs = 1000 }},
		{"max_msgs_per_subject", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1000 }},
		{"max_age", func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }},
		{"allow_direct", func(c *jetstream.StreamConfig) { c.AllowDirect = true }},
		{"subjects", func(c *jetstream.StreamConfig) { c.Subjects = append([]string{"sealpost.a"}, c.Subjects...) }},
	} {
		changed := good
		test.change(&changed)
		if _, err := c.JetStream().UpdateStream(t.Context(), changed); err != nil {
			t.Fatalf("%s: %v", test.field, err)
		}
		if err := s.Check(t.Context()); differs(t, err) != test.field {
			t.Errorf("%s: %v", test.field, err)
		}
	}
	if _, err := c.JetStream().UpdateStream(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("as it was: %v", err)
	}
	testCheckReplicas(t, c)
}

// A stream with fewer replicas passes where the setting says so.
func testCheckReplicas(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "SINGLE", stream.Settings{MaxBytes: 1 << 20, Replicas: 1})
	if err := s.Check(t.Context()); differs(t, err) != "num_replicas" {
		t.Errorf("one replica: %v", err)
	}
	cfg := c.Config("SINGLE")
	cfg.Replicas = 1
	if err := connect(t, cfg).Check(t.Context()); err != nil {
		t.Errorf("one replica, as wanted: %v", err)
	}
}

// differs returns the field of a *SettingsError, "" for nil.
func differs(t *testing.T, err error) string {
	t.Helper()
	var settings *stream.SettingsError
	if err != nil && !errors.As(err, &settings) {
		t.Fatal(err)
	}
	if err == nil {
		return ""
	}
	return settings.Field
}

// A node that may lose what it acknowledged is named.
func testCheckNodes(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "NODES", stream.Settings{MaxBytes: 1 << 20})
	restart := func(lax bool) {
		n := c.Nodes[1]
		n.Stop()
		n.Lax = lax
		n.Start()
		c.AwaitNodes()
		c.Await("NODES")
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	restart(true)
	var node *stream.NodeError
	if err := s.Check(t.Context()); !errors.As(err, &node) || node.Node != "n2" || node.Field != "sync_interval" {
		t.Errorf("a node that flushes later: %v", err)
	}
	restart(false)
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("the same node, again: %v", err)
	}
}

// One node that is away is no reason not to rely on the others.
func testCheckWithoutNode(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "WITHOUT", stream.Settings{MaxBytes: 1 << 20})
	c.Await("WITHOUT")
	c.Nodes[2].Stop()
	defer func() {
		c.Nodes[2].Start()
		c.AwaitNodes()
	}()
	err := s.Check(t.Context())
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); err = s.Check(t.Context()) {
		if errors.As(err, new(*stream.NodeError)) {
			break
		}
	}
	if err != nil {
		t.Error(err)
	}
}
