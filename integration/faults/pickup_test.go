package faults

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"

	"sealpost/shared/logfile"
)

// pickup holds receipts to their word: what they name is there for pick-up when
// they arrive. Nil on a volume that is taken away under the load.
type pickup struct {
	logs string

	mu     sync.Mutex
	lines  uint64 // of the manifest, read so far
	offset int64
}

func pickupFrom(data string) *pickup { return &pickup{logs: filepath.Join(data, "logs")} }

// check is called when a receipt has come.
func (p *pickup) check(e logfile.Entry) error {
	if p == nil {
		return nil
	}
	info, err := os.Stat(filepath.Join(p.logs, e.File))
	if err != nil {
		return fmt.Errorf("receipted and not there: %w", err)
	}
	if info.Size() != int64(e.FileSize) {
		return fmt.Errorf("receipted, and %s has %d of %d bytes", e.File, info.Size(), e.FileSize)
	}
	lines, err := p.listed(e.Seq)
	if err == nil && lines <= e.Seq {
		err = fmt.Errorf("receipted, and %s is not in the manifest of %d lines", e.File, lines)
	}
	return err
}

// listed returns how many lines the manifest has, reading on if they do not
// reach seq yet.
func (p *pickup) listed(seq uint64) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lines > seq {
		return p.lines, nil
	}
	f, err := os.Open(filepath.Join(p.logs, logfile.ManifestName))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, p.offset, math.MaxInt64-p.offset))
	if err != nil {
		return 0, err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	p.offset += int64(len(whole))
	p.lines += uint64(bytes.Count(whole, []byte("\n")))
	return p.lines, nil
}
