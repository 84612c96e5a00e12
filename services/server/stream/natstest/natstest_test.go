package natstest_test

import (
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"sealpost/services/server/stream/natstest"
)

// Directories of the caller's outlast a cluster, and the next one has what is in them.
func TestDirs(t *testing.T) {
	root := t.TempDir()
	dirs := []string{filepath.Join(root, "a"), filepath.Join(root, "b"), filepath.Join(root, "c")}
	first := natstest.Start(t, natstest.Options{Dirs: dirs})
	_, err := first.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "S", Subjects: []string{"sealpost.s"}, Replicas: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.JetStream().Publish(t.Context(), "sealpost.s", nil); err != nil {
		t.Fatal(err)
	}
	for _, n := range first.Nodes {
		n.Kill()
	}
	second := natstest.Start(t, natstest.Options{Dirs: dirs})
	second.Await("S")
	found, err := second.JetStream().Stream(t.Context(), "S")
	if err != nil || found.CachedInfo().State.LastSeq != 1 {
		t.Errorf("%+v, %v", found, err)
	}
}
