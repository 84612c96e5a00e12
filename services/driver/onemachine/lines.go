package onemachine

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// lines brings the lines of several programs to one writer, whole and with the
// program's name before each.
type lines struct {
	mu  sync.Mutex
	out io.Writer
}

// from returns the writer for one program.
func (l *lines) from(program string) io.Writer {
	return &prefixed{lines: l, prefix: fmt.Sprintf("%-8s | ", program)}
}

type prefixed struct {
	lines  *lines
	prefix string

	mu   sync.Mutex
	part []byte // a line whose end has not come yet
}

// Write passes on the whole lines. What follows the last line end is kept; the
// programs here end every line.
func (p *prefixed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.part = append(p.part, b...)
	for {
		line, rest, whole := bytes.Cut(p.part, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		if err := p.lines.write(p.prefix, line); err != nil {
			return 0, err
		}
		p.part = rest
	}
}

func (l *lines) write(prefix string, line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := fmt.Fprintf(l.out, "%s%s\n", prefix, line)
	return err
}
