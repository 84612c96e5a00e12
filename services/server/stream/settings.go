package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Settings are those of a stream that its operator chooses.
type Settings struct {
	Replicas int    // nodes that keep it, 0: 3
	MaxBytes int64  // that the entries may take on each node; more are ErrFull
	Subject  string // that entries are published to, "": Subject of the name
}

// createWait is for the nodes to choose who keeps a stream, and to elect its leader.
const createWait = 15 * time.Second

// noPlace is the nodes' code for that there are not enough of them, or not with the room.
const noPlace jetstream.ErrorCode = 10005

// Subject returns the subject of a stream that was given none.
func Subject(name string) string { return "sealpost." + strings.ToLower(name) }

// Create makes a stream. One that exists with these settings is left as it is; with
// others the error is a *SettingsError. Who asks must be allowed to create streams.
func Create(ctx context.Context, cfg Config, settings Settings) error {
	return create(ctx, cfg, settings.config(cfg.Name))
}

func create(ctx context.Context, cfg Config, want jetstream.StreamConfig) error {
	conn, err := dial(ctx, cfg.withDefaults(), func() {})
	if err != nil {
		return &ConnectError{Stream: cfg.Name, Err: err}
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, createWait)
	defer cancel()
	made, err := js.CreateStream(ctx, want)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		made, err = find(ctx, js, cfg.Name)
	}
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == noPlace {
		err = fmt.Errorf("%w: %w", ErrNoPlace, err)
	}
	if err != nil {
		return fmt.Errorf("creating stream %s: %w", cfg.Name, err)
	}
	return compare(made.CachedInfo().Config, want)
}

// Check compares the stream's settings with those that Create makes. The error is a
// *SettingsError where one differs, where there are fewer replicas than
// Config.Replicas, or where nothing bounds its size; a *NodeError where a node keeps the
// stream and may lose what it acknowledged. Any other says nothing of either.
//
// More than half of the nodes must answer. Those that do not are looked at once they do.
func (s *Stream) Check(ctx context.Context) error {
	found, err := find(ctx, s.js, s.cfg.Name)
	if err != nil {
		return err
	}
	if err := s.checkSettings(found.CachedInfo().Config); err != nil {
		return err
	}
	return s.checkNodes(ctx, infoOf(found.CachedInfo()))
}

func (s *Stream) checkSettings(got jetstream.StreamConfig) error {
	if got.Replicas < s.cfg.Replicas {
		return settingsError(got, "num_replicas", got.Replicas, fmt.Sprintf("at least %d", s.cfg.Replicas))
	}
	if got.MaxBytes <= 0 {
		return settingsError(got, "max_bytes", got.MaxBytes, "a limit")
	}
	return compare(got, Settings{got.Replicas, got.MaxBytes, s.subject}.config(s.cfg.Name))
}

// config is how the nodes write these settings, with all that is the same for each
// stream of this package.
func (t Settings) config(name string) jetstream.StreamConfig {
	if t.Replicas == 0 {
		t.Replicas = 3
	}
	if t.Subject == "" {
		t.Subject = Subject(name)
	}
	return jetstream.StreamConfig{
		Name: name, Subjects: []string{t.Subject}, Replicas: t.Replicas, MaxBytes: t.MaxBytes,
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy,
		// A full stream refuses what is new. Nothing else takes entries away.
		Discard: jetstream.DiscardNew, MaxMsgs: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1,
		MaxConsumers: -1, DenyDelete: true,
	}
}

// subjectOf returns the one subject of a stream.
func subjectOf(c jetstream.StreamConfig) (string, error) {
	if len(c.Subjects) != 1 {
		return "", settingsError(c, "subjects", c.Subjects, "one")
	}
	return c.Subjects[0], nil
}
