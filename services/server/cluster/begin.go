package cluster

import (
	"context"
	"errors"
	"fmt"

	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/replicated"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/state"
	"sealpost/services/server/state/shared"
	"sealpost/services/server/stream"
	"sealpost/services/server/volumes"
	"sealpost/shared/logfile"
)

// Beginning is how a cluster is to begin.
type Beginning struct {
	DataDir  string // the first server's log volume
	Import   bool   // it may have messages, which the cluster goes on from
	Servers  []string
	Settings entry.Settings
	Replicas int   // of each stream
	MaxBytes int64 // that the log may take on each node
}

// MessagesError means that the log volume has messages, and was not to be imported.
type MessagesError struct{ Messages uint64 }

func (e *MessagesError) Error() string {
	return fmt.Sprintf("the log volume has %d messages: a cluster that is begun has none", e.Messages)
}

// Fix is the remedy.
func (e *MessagesError) Fix() string {
	return "server cluster import goes on from them, with the server stopped"
}

// Begin makes the streams of a cluster, shares the state of the first server, and has the log
// say how log files are written and which servers count. It can be run again: what is there
// already stays. It returns the logbook's id. Who asks must be allowed to create streams.
func Begin(ctx context.Context, cfg Config, b Beginning) (logbookID string, err error) {
	at, err := cfg.stream(Register)
	if err != nil {
		return "", err
	}
	if err := stream.CreateRegister(ctx, at, b.Replicas); err != nil {
		return "", err
	}
	c, err := reach(ctx, cfg)
	if err != nil {
		return "", err
	}
	defer c.Close()
	st, err := c.share(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = st.Close() }()
	at.Name = LogName(st.LogbookID())
	if err := stream.Create(ctx, at, stream.Settings{Replicas: b.Replicas, MaxBytes: b.MaxBytes}); err != nil {
		return "", err
	}
	return st.LogbookID(), c.beginLog(ctx, st, b)
}

// share makes the state directory's state the one that is shared, unless one is shared
// already, which goes there then.
func (c *Cluster) share(ctx context.Context) (*state.State, error) {
	_, _, err := c.register.Value(ctx)
	if errors.Is(err, stream.ErrNotFound) {
		var st *state.State // makes what is missing
		if st, err = state.Open(c.cfg.StateDir); err != nil {
			return nil, err
		}
		if err := st.Close(); err != nil {
			return nil, err
		}
		if err = shared.Share(ctx, c.shared()); errors.Is(err, stream.ErrChanged) {
			err = nil // by another command, a moment ago
		}
	}
	if err != nil {
		return nil, err
	}
	if c.Shared, err = shared.Open(ctx, c.shared()); err != nil {
		return nil, err
	}
	return state.Open(c.cfg.StateDir)
}

// beginLog publishes what stands before all messages.
func (c *Cluster) beginLog(ctx context.Context, st *state.State, b Beginning) error {
	t, err := c.control(ctx, st.LogbookID(), b.DataDir)
	if errors.Is(err, errElsewhere) { // it has begun long ago
		return nil
	}
	if err != nil {
		return err
	}
	defer t.close()
	if t.now.Control == 0 {
		if err := volumes.Judge(b.DataDir, st); err != nil {
			return err
		}
		if err := replicated.ForgetState(b.DataDir); err != nil {
			return err
		}
		if err := t.imports(ctx, st, b); err != nil {
			return err
		}
	}
	err = t.publish(ctx, func(now fold.State) *entry.Header {
		if now.Settings != nil {
			return nil
		}
		return &entry.Header{Kind: entry.KindSettings, Settings: &b.Settings}
	})
	if err != nil {
		return err
	}
	return t.publish(ctx, func(now fold.State) *entry.Header { return adding(now, b.Servers) })
}

// imports says what every volume is to keep before the log, if that is anything.
func (t *control) imports(ctx context.Context, st *state.State, b Beginning) error {
	n, err := fit.Count(b.DataDir)
	switch {
	case err != nil || n == 0:
		return err
	case !b.Import:
		return &MessagesError{n}
	}
	last, err := volumes.Last(b.DataDir, st)
	if err != nil {
		return err
	}
	retired, err := st.RetiredSerial()
	if err != nil {
		return err
	}
	return t.publish(ctx, func(now fold.State) *entry.Header {
		if now.Control > 0 {
			return nil
		}
		return &entry.Header{Kind: entry.KindImport,
			Import: &entry.Import{Number: last.Size, Root: logfile.Digest(last.Root), Retired: retired}}
	})
}
