package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/shared/message"
)

// UnknownError means that no server of a name counts.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("no server %s counts in the replicated log", message.Visible(e.Name))
}

// Join has a server counted: the log keeps for it what it has not read. dir is a log volume.
func (c *Cluster) Join(ctx context.Context, logbookID, dir, name string) error {
	return c.order(ctx, logbookID, dir, func(now fold.State) *entry.Header { return adding(now, []string{name}) })
}

// adding is what has servers counted that are not yet; nil: all are.
func adding(now fold.State, names []string) *entry.Header {
	var missing []string
	for _, name := range names {
		if _, counts := now.Servers[name]; !counts && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &entry.Header{Kind: entry.KindServers, Servers: &entry.Servers{Add: missing}}
}

// Forget has a server, which must not run, counted no more: nothing is kept in the log for it,
// and nobody waits for its word. The error is an *UnknownError where it does not count.
func (c *Cluster) Forget(ctx context.Context, logbookID, dir, name string) error {
	forgotten, err := c.Shared.Forget(ctx, name)
	if err != nil {
		return err
	}
	err = c.order(ctx, logbookID, dir, func(now fold.State) *entry.Header {
		if _, counts := now.Servers[name]; !counts {
			return nil
		}
		forgotten = true
		return &entry.Header{Kind: entry.KindServers, Servers: &entry.Servers{Forget: []string{name}}}
	})
	if err == nil && !forgotten {
		err = &UnknownError{name}
	}
	return err
}

// Upgrade has settings hold for all messages from now on, and reports whether others held
// before.
func (c *Cluster) Upgrade(ctx context.Context, logbookID, dir string, to entry.Settings) (changed bool, err error) {
	err = c.order(ctx, logbookID, dir, func(now fold.State) *entry.Header {
		if now.Settings != nil && *now.Settings == to {
			return nil
		}
		changed = true
		return &entry.Header{Kind: entry.KindSettings, Settings: &to}
	})
	return changed, err
}

// Void has all servers pass an entry that none of them can keep. The error is a
// *shared.NotStuckError where one may keep it, or has.
func (c *Cluster) Void(ctx context.Context, logbookID, dir string, position uint64) error {
	t, err := c.control(ctx, logbookID, dir)
	if err != nil {
		return err
	}
	defer t.close()
	return c.Shared.Void(ctx, position, slices.Collect(maps.Keys(t.now.Servers)))
}

func (c *Cluster) order(ctx context.Context, logbookID, dir string, asks func(fold.State) *entry.Header) error {
	t, err := c.control(ctx, logbookID, dir)
	if err != nil {
		return err
	}
	defer t.close()
	return t.publish(ctx, asks)
}
