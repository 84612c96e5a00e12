package fold

import (
	"errors"
	"fmt"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/shared/message"
)

var (
	errNoSettings = errors.New("nothing says yet how log files are written")
	errSize       = errors.New("its body is not as long as it says")
	errChunks     = errors.New("its chunks are not as many as it has, or not in order, or too old")
)

// maxMessage keeps sums of sizes within 64 bits.
const maxMessage = 1 << 60

// message checks what a message says of itself. Whether its bytes are those that it
// declares shows when they are staged, on every server alike.
func (f *Fold) message(step *Step) error {
	m := step.Message
	if f.state.Settings == nil {
		return errNoSettings
	}
	if err := checkNames(m); err != nil {
		return err
	}
	if m.Size > maxMessage || m.EncryptedSize > maxMessage || (m.Cipher == message.None) != (m.EncryptedSize == 0) {
		return errSize
	}
	size := BodySize(*m, *f.state.Settings)
	if len(m.Chunks) == 0 {
		if size > entry.ChunkSize || uint64(len(step.Body)) != size {
			return errSize
		}
		return nil
	}
	if len(step.Body) > 0 || size <= entry.ChunkSize {
		return errSize
	}
	return f.close(m.Chunks, size)
}

// BodySize is how many bytes of a message stand in the log: the base64 text goes where the
// log file has it.
func BodySize(m entry.Message, s entry.Settings) uint64 {
	if m.EncryptedSize > s.CiphertextMax {
		return m.Size
	}
	return m.Size + m.EncryptedSize
}

func checkNames(m *entry.Message) error {
	if _, err := message.ParseCipher(string(m.Cipher)); err != nil {
		return err
	}
	if m.Sender != "-" {
		if err := message.CheckSender(m.Sender); err != nil {
			return fmt.Errorf("sender: %w", err)
		}
	}
	if m.Name == "" {
		return nil
	}
	return message.CheckName(m.Name)
}

// chunk notes that a message may name it.
func (f *Fold) chunk(step *Step) error {
	if len(step.Body) == 0 || len(step.Body) > entry.ChunkSize || step.Chunk.Index < 0 {
		return errSize
	}
	f.state.Chunks = append(f.state.Chunks, OpenChunk{step.Position, step.Time})
	return nil
}

// close takes the chunks of a message off the list of those that are open.
func (f *Fold) close(positions []uint64, size uint64) error {
	if uint64(len(positions)) != (size+entry.ChunkSize-1)/entry.ChunkSize {
		return errChunks
	}
	left, at := make([]OpenChunk, 0, len(f.state.Chunks)), 0
	for _, c := range f.state.Chunks {
		if at < len(positions) && c.Position == positions[at] {
			at++
			continue
		}
		left = append(left, c)
	}
	if at < len(positions) {
		return errChunks
	}
	f.state.Chunks = left
	return nil
}
