package collector

import (
	"context"

	"sealpost/shared/logfile"
)

// Look is what a look at the server saw. Two that are the same mean that nothing
// has come meanwhile.
type Look struct {
	Manifest   int64  // bytes; -1 where there is none
	Checkpoint string // its text, "" where there is none
}

// Watch looks again and again whether the server has something new, over one FTP
// session that it keeps from look to look. What is seen is not checked: it says when
// Collect is worth its while. It is for one goroutine.
type Watch struct {
	c *collector
	s *session
}

// NewWatch returns a Watch without a session. It takes of cfg what concerns the
// connection.
func NewWatch(cfg Config) *Watch {
	cfg.Attempts = 1 // who looks again and again has pauses of its own
	return &Watch{c: &collector{Config: cfg.withDefaults()}}
}

// Look asks for the manifest's size and reads the checkpoint: some hundred bytes,
// whatever the number of messages. A kept session that fails is replaced once:
// servers end those that are idle for long. A session ends with the context that it
// began under.
func (w *Watch) Look(ctx context.Context) (l Look, err error) {
	for {
		kept := w.s != nil
		if !kept {
			if w.s, err = w.c.connect(ctx); err != nil {
				return l, err
			}
		}
		if l, err = w.s.look(); err == nil {
			return l, nil
		}
		w.s.drop()
		if w.s = nil; !kept || ctx.Err() != nil {
			return l, err
		}
	}
}

func (s *session) look() (l Look, err error) {
	l.Manifest, err = s.size(logfile.ManifestName)
	if missing(err) {
		l.Manifest, err = -1, nil
	}
	if err != nil {
		return l, err
	}
	text, err := s.readCheckpoint()
	l.Checkpoint = string(text)
	return l, err
}

// Close ends the session, if there is one.
func (w *Watch) Close() {
	if w.s != nil {
		w.s.quit()
	}
	w.s = nil
}
