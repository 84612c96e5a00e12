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
	logbook.Logbook
	volume *local.Logbook
	whole  func() bool // the volume has come to what the state volume knows
	st     *state.State
	log    zerolog.Logger
	known  []byte
	stop   chan struct{}
	ended  chan struct{}
	going  *retiring
}

var _ logbook.Logbook = (*memory)(nil)

func remembered(is Opened, st *state.State, policy local.Policy, log zerolog.Logger) *memory {
	m := &memory{Logbook: is.Book, volume: is.Volume, whole: is.Whole, st: st, log: log, stop: make(chan struct{}),
		ended: make(chan struct{}), going: startRetiring(is.Retirer, st, policy, log)}
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
	checkpoint := m.volume.Checkpoint()
	if bytes.Equal(checkpoint, m.known) || !m.whole() {
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
	err := m.Logbook.Close()
	m.note()
	return err
}
