package cluster

import (
	"context"
	"errors"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/replicated"
	"sealpost/services/server/stream"
	"sealpost/services/server/volumes"
)

// logPurpose is what the key of the replicated log is derived for.
const logPurpose = "replicated log"

// Hooks hear of what happens in the log.
type Hooks struct {
	Kept  func(logbook.Facts) // a message that another server took
	Watch replicated.Watch
}

// Open opens the logbook on this server's volume and on the replicated log. Where the volume is
// why it cannot the error is a *VolumeError.
func (c *Cluster) Open(cfg local.Config, hear Hooks) (volumes.Opened, error) {
	secret, err := c.key.Secret(logPurpose)
	if err != nil {
		return volumes.Opened{}, err
	}
	log, err := c.log(context.Background(), cfg.ID)
	if err != nil {
		return volumes.Opened{}, err
	}
	book, err := replicated.Open(replicated.Config{
		Local: cfg, Log: replicated.StreamLog{Stream: log}, Secret: secret, Server: c.cfg.ClusterName,
		KeepFor: c.cfg.ClusterKeep, Fresh: c.Fresh, Kept: hear.Kept, Watch: hear.Watch,
		Voids: c.Passage(c.cfg.ClusterName),
	})
	if err != nil {
		log.Close()
		return volumes.Opened{}, ofVolume(err)
	}
	c.opened.Store(book)
	return volumes.Opened{Book: &onStream{book, log}, Volume: book.Logbook, Retirer: book.Retirer, Whole: book.Whole}, nil
}

// Figures returns what the logbook says of the log, and whether it was opened.
func (c *Cluster) Figures() (f replicated.Figures, open bool) {
	book := c.opened.Load()
	if book == nil {
		return f, false
	}
	return book.LogFigures(), true
}

// log connects to the replicated log.
func (c *Cluster) log(ctx context.Context, logbookID string) (*stream.Stream, error) {
	at, err := c.cfg.stream(LogName(logbookID))
	if err != nil {
		return nil, err
	}
	return stream.Connect(ctx, at)
}

// onStream is a logbook with the connection that it alone uses.
type onStream struct {
	*replicated.Logbook
	log *stream.Stream
}

// Close closes both.
func (b *onStream) Close() error {
	defer b.log.Close()
	return b.Logbook.Close()
}

// VolumeError means that this server's log volume cannot be gone on with. The others have
// what is on it.
type VolumeError struct{ Err error }

func (e *VolumeError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *VolumeError) Unwrap() error { return e.Err }

// Fix is the remedy.
func (e *VolumeError) Fix() string {
	return "other servers have what is on this log volume: move it away, and put a copy of one of theirs in its place " +
		"(there: server copy DIR); or an empty one, while the replicated log goes back to the first message"
}

// ofVolume wraps what says that the volume is not what it should be.
func ofVolume(err error) error {
	if errors.As(err, new(*local.MisfitError)) || errors.As(err, new(*local.ForkError)) ||
		errors.As(err, new(*local.CorruptError)) {
		return &VolumeError{err}
	}
	return err
}
