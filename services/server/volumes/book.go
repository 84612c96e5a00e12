package volumes

import (
	"bytes"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/state"
)

const rememberEvery = 30 * time.Second

// memory keeps the logbook's checkpoint in the state volume, at most
// rememberEvery old, so that a log volume restored from an earlier day is
// noticed at the next start.
type memory struct {
	signing
	st    *state.State
	log   zerolog.Logger
	known []byte
	stop  chan struct{}
	ended chan struct{}
	going *retiring
}

var _ logbook.Logbook = (*memory)(nil)

// signing is a logbook with the checkpoint that it has signed last.
type signing interface {
	logbook.Logbook
	Checkpoint() []byte
}

func remembered(book signing, r retirer, st *state.State, policy local.Policy, log zerolog.Logger) *memory {
	m := &memory{signing: book, st: st, log: log, stop: make(chan struct{}), ended: make(chan struct{}),
		going: startRetiring(r, st, policy, log)}
	go m.run()
	return m
}

func (m *memory) run() {
	defer close(m.ended)
	tick := time.NewTicker(rememberEvery)
	defer tick.Stop()
	for {
		m.note()
		select {
		case <-tick.C:
		case <-m.stop:
			return
		}
	}
}

func (m *memory) note() {
	checkpoint := m.Checkpoint()
	if bytes.Equal(checkpoint, m.known) {
		return
	}
	if err := m.st.SetCheckpoint(checkpoint); err != nil {
		m.log.Error().Err(err).Msg("the checkpoint cannot be kept in the state volume")
		return
	}
	m.known = checkpoint
}

// Close closes the logbook and notes its last checkpoint.
func (m *memory) Close() error {
	m.going.close()
	close(m.stop)
	<-m.ended
	err := m.signing.Close()
	m.note()
	return err
}
