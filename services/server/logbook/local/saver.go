package local

import (
	"crypto/sha256"
	"encoding"
	"hash"
	"os"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/parts"
)

// saver makes what has come of a large message durable, beside the session that
// brings it: one step is flushed while the next one comes.
type saver struct {
	vol    *disk.Volume
	file   *os.File
	name   string      // of the staged file
	states *parts.File // nil before the first

	last  parts.State // the newest that is durable
	under chan saved  // takes the outcome of the flush under way; nil: there is none
	err   error       // of one that failed: what the kernel has dropped it tells once
}

// saved is the outcome of one flush.
type saved struct {
	state  parts.State
	states *parts.File
	err    error
}

// save begins to make a state durable whose bytes are written, once the flush
// before it is over. It returns that one's error.
func (v *saver) save(s parts.State) error {
	if err := v.wait(); err != nil {
		return err
	}
	under, states := make(chan saved, 1), v.states
	v.under = under
	go func() {
		states, err := v.flush(s, states)
		under <- saved{s, states, err}
	}()
	return nil
}

// flush uses nothing of v that changes.
func (v *saver) flush(s parts.State, states *parts.File) (*parts.File, error) {
	err := v.vol.SyncData(v.file, v.name)
	if err == nil && states == nil {
		states, err = parts.Create(v.vol, parts.NameOf(v.name))
	}
	if err == nil {
		err = states.Save(s)
	}
	return states, err
}

// wait waits for the flush under way. An error stays: a later flush would not
// tell it again.
func (v *saver) wait() error {
	if v.under != nil {
		done := <-v.under
		v.under, v.states, v.err = nil, done.states, done.err
		if done.err == nil {
			v.last = done.state
		}
	}
	return v.err
}

// end removes the states, of a message that is kept or dropped. Nothing is under
// way any more.
func (v *saver) end() {
	_ = v.wait()
	if v.states != nil {
		_ = v.states.Close()
		_ = v.vol.Remove(parts.NameOf(v.name))
		v.states = nil
	}
}

// stateOf and restored take a digest to the disk and back.
func stateOf(h hash.Hash) ([]byte, error) { return h.(encoding.BinaryMarshaler).MarshalBinary() }

func restored(state []byte) (hash.Hash, error) {
	h := sha256.New()
	return h, h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state)
}
