package replicated

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
)

// publishLarge publishes the chunks of a message, one after the other, and then the entry
// that names them.
func (s *staged) publishLarge(h entry.Header, size uint64, then func(logbook.Facts, error)) {
	defer s.close()
	ctx, cancel := context.WithTimeout(s.l.ctx, fold.ChunkLife/2)
	defer cancel()
	body, chunk := s.body(), make([]byte, entry.ChunkSize)
	for left := size; left > 0; left -= uint64(len(chunk)) {
		chunk = chunk[:min(left, entry.ChunkSize)]
		if _, err := io.ReadFull(body, chunk); err != nil {
			then(logbook.Facts{}, s.l.Failed(err))
			return
		}
		at, err := s.l.publishChunk(ctx, h.Attempt, len(h.Message.Chunks), chunk)
		if err != nil {
			then(logbook.Facts{}, err)
			return
		}
		h.Message.Chunks = append(h.Message.Chunks, at)
	}
	s.l.publishMessage(h, nil, then)
}

// publishChunk returns the position of a chunk, one of them if it was published again. The
// error is a logbook.ErrUnavailable, whatever became of it: nobody names it.
func (l *Logbook) publishChunk(ctx context.Context, attempt entry.ID, index int, body []byte) (uint64, error) {
	if err := l.roomy(); err != nil {
		return 0, err
	}
	came := make(chan outcome, 1)
	h := entry.Header{Kind: entry.KindChunk, Attempt: attempt, Chunk: &entry.Chunk{Index: index}}
	l.waiters.add(h, body, func(at uint64, _ logbook.Facts, err error) { came <- outcome{at, err} })
	var o outcome
	select {
	case o = <-came:
	case <-ctx.Done():
		o.err = context.Cause(ctx)
		l.waiters.answer(ticketOf(h), logbook.Facts{}, o.err)
	}
	switch {
	case errors.Is(o.err, logbook.ErrUnknown):
		o.err = fmt.Errorf("%w: %w", logbook.ErrUnavailable, errChunkUnknown)
	case o.err != nil && !errors.Is(o.err, logbook.ErrUnavailable):
		o.err = fmt.Errorf("%w: %w", logbook.ErrUnavailable, o.err)
	}
	return o.at, o.err
}

// errChunkUnknown is an unknown outcome that is none of the message.
var errChunkUnknown = errors.New("it is not known whether a chunk is in the log")

// errOtherChunk voids a message one of whose chunks is another one's, or of another size.
var errOtherChunk = errors.New("a chunk is not the one that belongs there")

// fill writes the bytes of a message to where the volume keeps it.
func (p *passing) fill(to logbook.Staged, step fold.Step) error {
	m := step.Message
	w := &bodyWriter{to: to, plain: m.Size}
	if len(m.Chunks) == 0 {
		return p.finish(w, *m, w.write(step.Body))
	}
	for i, position := range m.Chunks {
		body, err := p.chunk(position, step.Attempt, i)
		if err == nil {
			err = w.write(body)
		}
		if err != nil {
			return err
		}
	}
	return p.finish(w, *m, nil)
}

// finish stands for base64 text that the log file does not have, and the log neither.
func (p *passing) finish(w *bodyWriter, m entry.Message, err error) error {
	settings, _ := p.fold.Settings()
	if err != nil || m.EncryptedSize <= settings.CiphertextMax {
		return err
	}
	zeros := make([]byte, min(m.EncryptedSize, inMemory))
	for w.text < m.EncryptedSize && err == nil {
		err = w.write(zeros[:min(m.EncryptedSize-w.text, inMemory)])
	}
	return err
}

// chunk reads one back. The fold has passed it: where it cannot be had, or was not sealed,
// the log is at fault, and the entry is tried again.
func (p *passing) chunk(position uint64, attempt entry.ID, index int) ([]byte, error) {
	e, err := p.cfg.Log.Get(p.ctx, position)
	if errors.Is(err, stream.ErrNotFound) {
		err = fmt.Errorf("%w: %w", errNoChunk, err)
	}
	if err != nil {
		return nil, fmt.Errorf("chunk at %d: %w", position, err)
	}
	h, body, err := p.key.Open(e.Data)
	if err != nil {
		return nil, fmt.Errorf("chunk at %d: %w: %w", position, errNoChunk, err)
	}
	if h.Kind != entry.KindChunk || h.Attempt != attempt || h.Chunk.Index != index {
		return nil, errOtherChunk
	}
	return body, nil
}

// bodyWriter tells the deciphered bytes from the base64 text behind them.
type bodyWriter struct {
	to    logbook.Staged
	plain uint64 // that are still to come
	text  uint64 // that have come
}

func (w *bodyWriter) write(p []byte) error {
	n := min(uint64(len(p)), w.plain)
	if n > 0 {
		if _, err := w.to.Write(p[:n]); err != nil {
			return err
		}
		w.plain -= n
	}
	if p = p[n:]; len(p) == 0 {
		return nil
	}
	_, err := w.to.WriteCiphertext(p)
	w.text += uint64(len(p))
	return err
}
