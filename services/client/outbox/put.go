package outbox

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/days"
	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// put brings messages to their end, with one flush for each of the two steps.
func (s *sending) put(kind days.Kind, batch []result) {
	if len(batch) == 0 || s.failing {
		return
	}
	err := s.box.Intact()
	if err == nil {
		err = s.putItems(kind, batch)
	}
	if err != nil {
		s.stays = true
		s.giveUp(message.ID{}, "", storageError{err})
	}
}

func (s *sending) putItems(kind days.Kind, batch []result) error {
	items := make([]days.Item, len(batch))
	for i, r := range batch {
		from, file := s.group.At(r.Name)
		items[i] = days.Item{Name: r.Name, ID: r.ID, Text: r.text(), From: from, File: file}
	}
	end, err := s.mayOpen(context.Background(), len(items)) // what has ended is put to its end
	if err != nil {
		return err
	}
	defer end()
	place := s.place(kind)
	flush, closeFlush, err := s.flush(place.Dir, items)
	if err != nil {
		return err
	}
	defer closeFlush()
	other := s.place(days.Refused - kind)
	put, err := place.Put(days.Batch{
		Day: time.Now(), Items: items, Again: s.group.TakenOver(), Other: &other, Flush: flush,
	})
	if err != nil {
		return err
	}
	s.step("settled")
	for i, r := range batch {
		err = errors.Join(err, s.ended(kind, r, put[i]))
	}
	return err
}

func (o *run) place(kind days.Kind) days.Place {
	name := box.Sent
	if kind == days.Refused {
		name = box.Refused
	}
	return days.Place{Dir: o.box.Place(name), Kind: kind, Owner: o.box.Owner, Heir: o.box.Heir}
}

// flush returns how a batch is made durable, by a descriptor of its own, which was
// opened before anything is written.
func (s *sending) flush(in *durable.Dir, items []days.Item) (days.Flush, func(), error) {
	opened, err := in.Again()
	if err != nil {
		return nil, nil, err
	}
	size := uint64(0)
	for _, item := range items {
		size += uint64(len(item.Text))
	}
	steps := []string{"receipted", "moved", "again"}
	flush := func(files []*os.File, dirs []*durable.Dir) error {
		s.step(steps[0])
		steps = steps[min(1, len(steps)-1):]
		return s.flusher.Flush(durable.Group{Opened: opened, Files: files, Dirs: dirs, Bytes: size})
	}
	return flush, func() { _ = opened.Close() }, nil
}

// text is what lies beside a message that has ended: its receipt, or the reason.
func (r result) text() []byte {
	if r.err == nil {
		return r.delivery.Receipt
	}
	return []byte(r.err.Error())
}

// ended notes the end of a message. One whose file is gone has ended all the same:
// somebody took it, and there is nothing to put beside its receipt.
func (s *sending) ended(kind days.Kind, r result, put days.Result) error {
	if put.Err != nil && !errors.Is(put.Err, fs.ErrNotExist) {
		return put.Err
	}
	s.progress()
	s.mu.Lock()
	if kind == days.Sent {
		s.outcome.Sent++
		s.restUntil = time.Now().Add(s.Yield)
	} else {
		s.outcome.Refused++
	}
	s.mu.Unlock()
	switch {
	case put.Err != nil:
		s.Log.Warn().Stringer("id", r.ID).Str("name", message.Visible(r.Name)).Msg("message has ended, and its file is gone")
	case kind == days.Refused:
		s.Log.Error().Stringer("id", r.ID).Str("name", message.Visible(r.Name)).
			Str("reason", message.Visible(r.err.Error())).Msg("message refused")
	}
	s.settled(s.resultOf(kind, r, put))
	return nil
}

// resultOf says what became of a message, and where its receipt lies.
func (s *sending) resultOf(kind days.Kind, r result, put days.Result) Result {
	if kind == days.Refused {
		return Result{ID: r.ID, Name: r.Name, Refused: r.err.Error()}
	}
	receipt := filepath.Join(s.place(kind).Dir.Path(), put.Text)
	return Result{ID: r.ID, Name: r.Name, Delivery: r.delivery, Receipt: receipt}
}
