package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"sealpost/shared/durable"
	"sealpost/shared/numbers"
)

// RetireOrder says which messages a server is to retire: a range of numbers, or all
// from the oldest on that were received before a time.
type RetireOrder struct {
	ID     string         `json:"id"` // of this order, random
	Range  *numbers.Range `json:"range,omitempty"`
	Before time.Time      `json:"before,omitzero"`
}

// RetireAnswer is what came of an order.
type RetireAnswer struct {
	ID      string `json:"id"`              // of the order
	Taken   bool   `json:"taken,omitempty"` // it is at work, and another answer follows
	Numbers string `json:"numbers"`         // that were not retired before, as numbers.Set writes them; "" for none
	Bytes   uint64 `json:"bytes"`           // of the files that went
	Error   string `json:"error,omitempty"`
	// Next is set where a number is not given yet, Ranges where the list would be
	// too long.
	Next   *uint64 `json:"next,omitempty"`
	Ranges int     `json:"ranges,omitempty"`
}

// maxOrderFile bounds an order or an answer, in bytes: an answer may have as many ranges
// as can be retired.
const maxOrderFile = 1 << 20

// Orders is the right to give orders to a running server: one command has it at a time.
// An order counts only while it is held, so that none is carried out long after its
// command was killed.
type Orders struct {
	s    *State
	lock *durable.FileLock
}

// Orders takes the right. durable.ErrLocked means that another command has it, or a
// server looks whether one has.
func (s *State) Orders() (*Orders, error) {
	d, err := durable.OpenDir(s.dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	lock, err := d.TryLock(orderLockFile)
	if err != nil {
		return nil, err
	}
	heir, err := d.Heir()
	if err == nil {
		err = lock.Give(heir)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Orders{s, lock}, nil
}

// Give gives an order, in the place of the one before.
func (o *Orders) Give(order RetireOrder) error { return o.s.writeJSON(orderFile, order) }

// Answer returns the answer to an order, once it is there.
func (o *Orders) Answer(id string) (a RetireAnswer, there bool, err error) {
	there, err = o.s.readJSON(answerFile, &a)
	return a, there && a.ID == id, err
}

// Withdraw takes the order back, and reports whether that came before a server took it.
func (o *Orders) Withdraw() (withdrawn bool, err error) {
	err = os.Remove(o.s.path(orderFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Close withdraws what was not taken, and gives the right up.
func (o *Orders) Close() error {
	return errors.Join(o.s.dropOrder(), o.lock.Close())
}

// dropOrder is called with the lock held.
func (s *State) dropOrder() error {
	d, err := durable.OpenDir(s.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	for _, name := range []string{orderFile, takenFile, answerFile} {
		if e := d.Remove(name); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// TakeRetireOrder takes the order that a command has given and waits for: from then on
// it cannot be withdrawn. One that nobody waits for is dropped.
func (s *State) TakeRetireOrder() (order RetireOrder, given bool, err error) {
	if _, err := lookAt(s.path(orderFile)); errors.Is(err, fs.ErrNotExist) {
		return order, false, nil
	}
	lock, err := durable.TryLock(s.path(orderLockFile))
	if err == nil {
		return order, false, errors.Join(s.dropOrder(), lock.Close())
	}
	if !errors.Is(err, durable.ErrLocked) {
		return order, false, fmt.Errorf("state: %w", err)
	}
	err = os.Rename(s.path(orderFile), s.path(takenFile))
	if errors.Is(err, fs.ErrNotExist) { // withdrawn
		return order, false, nil
	}
	if err != nil {
		return order, false, fmt.Errorf("state: %w", err)
	}
	given, err = s.readJSON(takenFile, &order)
	return order, given, err
}

// AnswerRetire answers an order.
func (s *State) AnswerRetire(a RetireAnswer) error { return s.writeJSON(answerFile, a) }

func (s *State) writeJSON(name string, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		err = s.write(name, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

func (s *State) readJSON(name string, v any) (there bool, err error) {
	text, err := s.read(name, maxOrderFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return false, fmt.Errorf("state: %s: %w", name, err)
	}
	return true, nil
}
