package outbox

import (
	"errors"
	"io/fs"
	"strings"
	"time"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/days"
	"sealpost/services/client/outbox/group"
	"sealpost/shared/message"
)

// collect waits for a result, and then a moment for more, of so many that are still
// to come: what comes while these end ends together, too.
func (s *sending) collect(left int) []result {
	batch := []result{<-s.results}
	moment := time.NewTimer(gather)
	defer moment.Stop()
	for len(batch) < left {
		select {
		case r := <-s.results:
			batch = append(batch, r)
		case <-moment.C:
			return batch
		}
	}
	return batch
}

// end does what the results ask for.
func (s *sending) end(batch []result) {
	var sent, refused []result
	for _, r := range batch {
		var refusal *courier.RefusalError
		switch {
		case r.skipped:
			s.stays = true
		case r.err == nil:
			sent = append(sent, r)
		case errors.As(r.err, new(*group.UnfitError)):
			refused = append(refused, r)
		case errors.As(r.err, &refusal) && refusal.Of == courier.OfMessage:
			refused = append(refused, r)
		default:
			s.stays = true
			s.giveUp(r.ID, r.Name, r.err)
		}
	}
	s.put(days.Sent, sent)
	s.put(days.Refused, refused)
}

// giveUp does what an error asks for that is not about one message alone, or leaves
// the message.
func (s *sending) giveUp(id message.ID, name string, err error) {
	var changed *courier.LogbookError
	if errors.As(err, &changed) {
		err = &LogbookError{Dir: s.Dir, Known: changed.Want, Server: changed.Got}
	}
	switch {
	case errors.As(err, new(*courier.RefusalError)), errors.As(err, new(*LogbookError)):
		s.fail(err)
	case errors.As(err, new(storageError)):
		s.failing = true
		s.failed(err)
	default:
		var postponed *courier.PostponedError
		again := errors.As(err, &postponed) && !s.inVain(postponed.Until)
		s.never = (s.never || len(s.left) == 0) && !again
		s.left = append(s.left, Left{ID: id, Name: name, Err: err})
	}
}

// stop ends a group from which nothing was offered.
func (s *sending) stop(err error) {
	s.stays = true
	switch {
	case isUnknown(err):
		err = s.unknown(message.ID{}, s.sentSoFar(), err)
	case s.group.Len() == 0: // all have ended, and it cannot go: nobody else would tell why
		s.giveUp(s.group.ID, "", err)
	}
	for _, r := range s.group.Left() {
		if s.giveUp(r.ID, r.Name, err); s.failing {
			break
		}
	}
	s.close()
}

// close removes a group whose messages have all ended, and puts off what is left of
// another.
func (s *sending) close() {
	t := thing{group: s.group.ID}
	switch {
	case len(s.left) > 0:
		s.leave(t, s.left, s.never && !s.Watch)
	case s.stays:
	default:
		if s.again {
			s.later.forget(t)
		}
		if err := s.clear(); err != nil {
			s.leave(t, []Left{{ID: s.group.ID, Err: err}}, !s.Watch)
		}
	}
}

// clear removes the group. Where a dead holder has moved messages out of it, the
// moves may not be on the disk yet: without them the messages would come back, and
// their records must not be gone then.
func (s *sending) clear() error {
	if ended := s.group.Ended(); len(ended) > 0 {
		err := s.flushDays()
		if err == nil {
			err = s.flushFolders(ended)
		}
		if err != nil {
			s.failed(err)
			return nil
		}
	}
	return s.group.Clear()
}

// flushDays flushes the directories into which a dead holder may have moved
// messages: what is older than a day the system has written by itself.
func (o *run) flushDays() error {
	for _, name := range []string{box.Sent, box.Refused} {
		for _, day := range []time.Time{time.Now(), time.Now().AddDate(0, 0, -1)} {
			d, err := o.box.Sub(o.box.Place(name), days.DirOf(day))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err == nil {
				err = d.Sync()
				_ = d.Close()
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// flushFolders does the same for the folders in them, of those messages that lie in
// some: where they are is found out as for messages that end again.
func (s *sending) flushFolders(ended []group.Record) error {
	var items []days.Item
	for _, r := range ended {
		if strings.Contains(r.Name, "/") {
			// No message has a name with a dot first, so that none is there.
			items = append(items, days.Item{Name: r.Name, ID: r.ID, From: s.group.Files(), File: "." + r.ID.String()})
		}
	}
	if len(items) == 0 {
		return nil
	}
	for _, kind := range []days.Kind{days.Sent, days.Refused} {
		place := s.place(kind)
		flush, closeFlush, err := s.flush(place.Dir, nil)
		if err != nil {
			return err
		}
		_, err = place.Put(days.Batch{Day: time.Now(), Items: items, Again: true, Flush: flush})
		closeFlush()
		if err != nil {
			return err
		}
	}
	return nil
}
