package ledger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"sealpost/shared/logfile"
)

// Poller reads a volume as those do who collect its log files: directly, at any
// moment, the server up or down. What it finds wrong is in the next audit's
// report, and what it saw must be there unchanged then.
type Poller struct {
	ledger *Ledger
	dir    string
	seen   map[string]logfile.Digest // files read by this poller
	lines  uint64                    // of the manifest, read by this poller
	offset int64
}

// Poller returns a poller of the volume dir, for one goroutine.
func (l *Ledger) Poller(dir string) *Poller {
	return &Poller{ledger: l, dir: dir, seen: make(map[string]logfile.Digest)}
}

// pollEvery leaves the processor to the programs under test.
const pollEvery = 20 * time.Millisecond

// Run looks again and again until ctx ends, or the volume cannot be read.
func (p *Poller) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if err := p.Look(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Look reads every log file that this poller has not read yet and the new lines
// of the manifest. A fresh Poller reads all.
func (p *Poller) Look() error {
	// The manifest first: what it names was there before it.
	text, err := p.readManifest()
	if err != nil {
		return err
	}
	numbers, _, err := names(p.dir)
	if err != nil {
		return err
	}
	for _, name := range numbers {
		if _, known := p.seen[name]; known {
			continue
		}
		if err := p.lookAt(name); err != nil {
			return err
		}
	}
	p.checkLines(text)
	return nil
}

// readManifest returns the whole lines from where this poller stopped.
func (p *Poller) readManifest() ([]byte, error) {
	f, err := os.Open(logs(p.dir, logfile.ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // before the first message
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, p.offset, math.MaxInt64-p.offset))
	return wholeLines(text), err
}

// lookAt reads a file that has its final name, so it must have all its bytes.
func (p *Poller) lookAt(name string) error {
	f, err := readLogFile(logs(p.dir, name))
	if errors.As(err, new(*fs.PathError)) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l := p.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	p.seen[name] = f.digest
	if err != nil {
		l.note(HalfWritten, "a poller finds %s: %v", name, err)
		return nil
	}
	if sent := l.accounts[f.key]; sent == nil || !sent.offered[f.content] {
		l.note(HalfWritten, "a poller finds %s with bytes that nobody sent", name)
	}
	if before, known := l.files[name]; known && before != f.digest {
		l.note(Altered, "a poller finds %s with other bytes than before", name)
	}
	l.files[name] = f.digest
	return nil
}

// checkLines takes the lines that are new to this poller. Those that another
// one read before must be as they were.
func (p *Poller) checkLines(text []byte) {
	l := p.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.manifest[min(p.offset, int64(len(l.manifest))):]
	if n := min(len(text), len(before)); !bytes.Equal(text[:n], before[:n]) {
		l.note(Altered, "a poller finds other lines in the manifest than before, from byte %d on", p.offset)
		return
	}
	if len(text) > len(before) {
		l.manifest = append(l.manifest, text[len(before):]...)
	}
	for line := range bytes.Lines(text) {
		p.checkLine(bytes.TrimSuffix(line, []byte("\n")))
		p.offset += int64(len(line))
		p.lines++
	}
}

func (p *Poller) checkLine(line []byte) {
	e, err := logfile.ParseLine(line)
	if err != nil || e.Seq != p.lines {
		p.ledger.note(Gap, "a poller finds %q as manifest line %d", line, p.lines)
	} else if digest, read := p.seen[e.File]; read && digest != e.FileSHA256 {
		p.ledger.note(HalfWritten, "a poller finds %s without the bytes that the manifest names", e.File)
	}
}
