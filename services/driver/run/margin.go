package run

import (
	"io"
	"unicode/utf8"
)

// What stands before each line of a log file that is printed. Nothing that the
// driver says itself begins so, and nothing of a file is printed without: what a
// message says cannot pass for the driver's words, or for another file.
const (
	mark      = "| " // a line of the file
	furtherOn = "|+" // the line before goes on: it was longer than the paper
)

const (
	// columns is how wide what is printed may be where no terminal tells: what
	// a pipe leads to is most often shown on one.
	columns = 80
	// leastColumns leaves room for some text behind the mark.
	leastColumns = 16
	tabStop      = 8
)

// margin puts the marks before the lines of a text, which [message.NewVisibleWriter]
// has made safe, and breaks lines before a terminal would, without a mark.
type margin struct {
	w      io.Writer
	limit  int // cells of a line, with its mark
	column int // where the next character goes; 0 before the mark
	out    []byte
}

func newMargin(w io.Writer, width int) *margin {
	if width <= 0 {
		width = columns
	}
	// The last cell stays empty: some terminals go on to the next line by it.
	return &margin{w: w, limit: max(width, leastColumns) - 1}
}

// Write takes whole characters.
func (m *margin) Write(p []byte) (int, error) {
	m.out = m.out[:0]
	for rest := p; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		m.add(r, rest[:size])
		rest = rest[size:]
	}
	if _, err := m.w.Write(m.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close ends a line that the text left open.
func (m *margin) Close() error {
	if m.column == 0 {
		return nil
	}
	_, err := m.Write([]byte("\n"))
	return err
}

func (m *margin) add(r rune, text []byte) {
	if r == '\n' {
		if m.column == 0 {
			m.out = append(m.out, mark[0])
		}
		m.out = append(m.out, '\n')
		m.column = 0
		return
	}
	if m.column == 0 {
		m.start(mark)
	}
	if m.column+m.cells(r) > m.limit {
		m.out = append(m.out, '\n')
		m.start(furtherOn)
	}
	m.out = append(m.out, text...)
	m.column += m.cells(r)
}

func (m *margin) start(mark string) {
	m.out = append(m.out, mark...)
	m.column = len(mark)
}

// cells is how many cells a character takes at most. Terminals do not agree on
// those beyond ASCII, and none gives them more than two.
func (m *margin) cells(r rune) int {
	switch {
	case r == '\t':
		return tabStop - m.column%tabStop
	case r < utf8.RuneSelf:
		return 1
	}
	return 2
}
