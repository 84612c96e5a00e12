package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
	"sealpost/shared/nettest"
)

func TestConnectNobody(t *testing.T) {
	cfg := stream.Config{URLs: []string{"nats://" + nettest.Nobody(t), "nats://" + nettest.Nobody(t)}, Name: "S"}
	_, err := stream.Connect(t.Context(), cfg)
	if !errors.As(err, new(*stream.ConnectError)) || !errors.Is(err, nats.ErrNoServers) {
		t.Errorf("Connect: %v", err)
	}
	if err := stream.Create(t.Context(), cfg, stream.Settings{}); !errors.As(err, new(*stream.ConnectError)) {
		t.Errorf("Create: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := stream.Connect(ended, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("Connect without time: %v", err)
	}
}

func testConnect(t *testing.T, c *natstest.Cluster) {
	create(t, c, "CONNECT", stream.Settings{MaxBytes: 1 << 20})
	for _, test := range []struct {
		name   string
		change func(*stream.Config)
		want   error
	}{
		{"past a node that is gone", func(cfg *stream.Config) {
			cfg.URLs = append([]string{"nats://" + nettest.Nobody(t)}, cfg.URLs[0])
		}, nil},
		{"no stream", func(cfg *stream.Config) { cfg.Name = "NONE" }, stream.ErrNoStream},
		{"wrong password", func(cfg *stream.Config) { cfg.Password = "a wrong one" }, nats.ErrAuthorization},
	} {
		cfg := c.Config("CONNECT")
		test.change(&cfg)
		s, err := stream.Connect(t.Context(), cfg)
		if !errors.Is(err, test.want) || err != nil && !errors.As(err, new(*stream.ConnectError)) ||
			err != nil && strings.Contains(err.Error(), cfg.Password) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err == nil {
			s.Close()
		}
	}
}
