package logfile

import (
	"bytes"
	"io"
)

// lineLen is the number of base64 characters on a line of a log file.
const lineLen = 76

// wrappedLen returns the length of n characters on lines that end with "\n".
func wrappedLen(n uint64) int64 {
	return int64(n + (n+lineLen-1)/lineLen)
}

// WrapBase64 returns a writer that passes text on to w, 76 characters a line,
// each line ended by "\n". Close ends the last line and does not close w.
// After an error of w the writer stays failed.
func WrapBase64(w io.Writer) io.WriteCloser {
	return &wrapper{w: w}
}

type wrapper struct {
	w    io.Writer
	buf  []byte
	col  int
	done error
}

func (r *wrapper) Write(p []byte) (int, error) {
	const most = 32 << 10
	written := 0
	for len(p) > 0 {
		if r.done != nil {
			return written, r.done
		}
		r.buf = r.buf[:0]
		taken := 0
		for taken < len(p) && len(r.buf) < most {
			n := min(lineLen-r.col, len(p)-taken)
			r.buf = append(r.buf, p[taken:taken+n]...)
			taken += n
			if r.col += n; r.col == lineLen {
				r.buf = append(r.buf, '\n')
				r.col = 0
			}
		}
		if _, r.done = r.w.Write(r.buf); r.done != nil {
			return written, r.done
		}
		written += taken
		p = p[taken:]
	}
	return written, r.done
}

func (r *wrapper) Close() error {
	if r.done == ErrClosed {
		return nil
	}
	if r.done == nil && r.col > 0 {
		_, r.done = r.w.Write([]byte{'\n'})
	}
	if r.done != nil {
		return r.done
	}
	r.done = ErrClosed
	return nil
}

// unwrapper reads wrapped text and hands on the text alone. left counts the
// characters that are still to come, without line ends.
type unwrapper struct {
	r    io.Reader
	left uint64
	col  int
	done error
}

func (u *unwrapper) Read(p []byte) (int, error) {
	if u.done != nil {
		return 0, u.done
	}
	if len(p) == 0 {
		return 0, nil
	}
	if u.left == 0 {
		u.done = io.EOF
		return 0, u.done
	}
	n := int(min(uint64(min(len(p), lineLen-u.col)), u.left))
	if u.done = u.fill(p[:n]); u.done != nil {
		return 0, u.done
	}
	if bytes.IndexByte(p[:n], '\n') >= 0 { // a line that ends too early
		u.done = ErrWrap
		return 0, u.done
	}
	u.left -= uint64(n)
	if u.col += n; u.col < lineLen && u.left > 0 {
		return n, nil
	}
	u.col = 0
	var end [1]byte
	if u.done = u.fill(end[:]); u.done == nil && end[0] != '\n' {
		u.done = ErrWrap
	}
	return n, u.done
}

func (u *unwrapper) fill(p []byte) error {
	_, err := io.ReadFull(u.r, p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
