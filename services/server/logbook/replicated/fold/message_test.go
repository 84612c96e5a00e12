package fold

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/shared/message"
)

// What a message says of itself is checked: what is wrong is void, and nothing else is.
func TestMessageChecks(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*entry.Message)
		body   string
		void   bool
	}{
		"good":                  {func(*entry.Message) {}, "content", false},
		"of the 2012 wire":      {func(m *entry.Message) { m.Sender, m.Name = "-", "" }, "content", false},
		"shorter":               {func(*entry.Message) {}, "conten", true},
		"longer":                {func(*entry.Message) {}, "content!", true},
		"no sender":             {func(m *entry.Message) { m.Sender = "" }, "content", true},
		"a bad sender":          {func(m *entry.Message) { m.Sender = "a/b" }, "content", true},
		"a bad name":            {func(m *entry.Message) { m.Name = "a\nb" }, "content", true},
		"an unknown cipher":     {func(m *entry.Message) { m.Cipher = "rot13" }, "content", true},
		"text without cipher":   {func(m *entry.Message) { m.EncryptedSize = 3 }, "contentabc", true},
		"cipher without text":   {func(m *entry.Message) { m.Cipher = message.Cipher2012 }, "content", true},
		"enciphered":            {enciphered(3), "contentabc", false},
		"without its text":      {enciphered(3), "content", true},
		"text left out":         {enciphered(101), "content", false},
		"a size that overflows": {func(m *entry.Message) { m.Size = 1<<64 - 1 }, "content", true},
		"sizes whose sum overflows": {func(m *entry.Message) {
			m.Cipher, m.EncryptedSize, m.Size = message.Cipher2012, 13, 1<<64-6
		}, "content", true},
		"chunks of a small one": {func(m *entry.Message) { m.Chunks = []uint64{2} }, "", true},
	} {
		s := newScript(t)
		s.settings(rules("UTC"))
		s.add(entry.Header{Kind: entry.KindChunk, Chunk: &entry.Chunk{}}, 1)
		m := declare("content")
		test.change(&m)
		s.add(entry.Header{Kind: entry.KindMessage, Message: &m}, []byte(test.body)...)
		if step := s.take(begin(t, "a", State{})); (step.Void != nil) != test.void {
			t.Errorf("%s: %v", name, step.Void)
		}
	}
}

func enciphered(size uint64) func(*entry.Message) {
	return func(m *entry.Message) { m.Cipher, m.EncryptedSize = message.Cipher2012, size }
}

// chunked is a script with the chunks of a message of two and a half, and the message.
func chunked(t *testing.T) (*script, entry.Message) {
	s := newScript(t)
	s.settings(rules("UTC"))
	content := bytes.Repeat([]byte("x"), 2*entry.ChunkSize+entry.ChunkSize/2)
	m := declare(string(content))
	for i := 0; len(content) > 0; i++ {
		n := min(len(content), entry.ChunkSize)
		e := s.add(entry.Header{Kind: entry.KindChunk, Chunk: &entry.Chunk{Index: i}}, content[:n]...)
		m.Chunks, content = append(m.Chunks, e.Position), content[n:]
	}
	return s, m
}

func TestChunks(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*script, *entry.Message)
		void   bool
	}{
		"good":          {func(*script, *entry.Message) {}, false},
		"one too few":   {func(_ *script, m *entry.Message) { m.Chunks = m.Chunks[:2] }, true},
		"one twice":     {func(_ *script, m *entry.Message) { m.Chunks[2] = m.Chunks[1] }, true},
		"another order": {func(_ *script, m *entry.Message) { m.Chunks[0], m.Chunks[1] = m.Chunks[1], m.Chunks[0] }, true},
		"not a chunk":   {func(_ *script, m *entry.Message) { m.Chunks[0] = 1 }, true},
		"not there yet": {func(_ *script, m *entry.Message) { m.Chunks[2] = 100 }, true},
		"not old yet":   {func(s *script, _ *entry.Message) { s.wait(ChunkLife - 4*time.Second) }, false},
		"too old":       {func(s *script, _ *entry.Message) { s.wait(ChunkLife) }, true},
		"named before": {func(s *script, m *entry.Message) {
			s.add(entry.Header{Kind: entry.KindMessage, Message: m})
		}, true},
	} {
		s, m := chunked(t)
		test.change(s, &m)
		s.add(entry.Header{Kind: entry.KindMessage, Message: &m})
		f := begin(t, "a", State{})
		if step := s.take(f); (step.Void != nil) != test.void {
			t.Errorf("%s: %v", name, step.Void)
		}
	}
}

// wait lets time go by, which the next entry tells.
func (s *script) wait(d time.Duration) {
	s.clock = s.clock.Add(d)
	s.raw(nil)
}

// What a message may still name must stay in the log.
func TestNeeded(t *testing.T) {
	s, m := chunked(t)
	f := begin(t, "a", State{})
	s.take(f)
	if at := f.State().Needed(); at != m.Chunks[0] {
		t.Errorf("before the message %d", at)
	}
	s.add(entry.Header{Kind: entry.KindChunk, Chunk: &entry.Chunk{}}, 1)
	s.add(entry.Header{Kind: entry.KindMessage, Message: &m})
	s.take(f)
	if at := f.State().Needed(); at != 5 {
		t.Errorf("behind the message %d", at)
	}
	s.wait(2 * ChunkLife)
	s.take(f)
	if at := f.State().Needed(); at != s.at+1 {
		t.Errorf("long after it %d", at)
	}
}

func TestChunkChecks(t *testing.T) {
	for _, body := range [][]byte{nil, make([]byte, entry.ChunkSize+1)} {
		s := newScript(t)
		s.add(entry.Header{Kind: entry.KindChunk, Chunk: &entry.Chunk{}}, body...)
		if step := s.take(begin(t, "a", State{})); !errors.Is(step.Void, errSize) {
			t.Errorf("a chunk of %d bytes: %v", len(body), step.Void)
		}
	}
}
