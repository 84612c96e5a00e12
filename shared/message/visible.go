package message

import (
	"errors"
	"io"
	"unicode"
	"unicode/utf8"
)

// ErrClosed is what a writer of this package returns after Close.
var ErrClosed = errors.New("write after close")

const hexDigits = "0123456789abcdef"

// Visible returns s with everything that [CheckName] refuses in a name shown
// as an escape: \x1b for C0 controls and DEL, newline and tab included,
// \u202e for other characters, \xff for bytes that are not UTF-8. The result is UTF-8 on
// one line, for a terminal or a log.
func Visible(s string) string {
	plain := 0
	for plain < len(s) && asIs(s[plain], false) {
		plain++
	}
	if plain == len(s) { // as nearly all are
		return s
	}
	out, _ := appendVisible(nil, []byte(s), false, true)
	return string(out)
}

// NewVisibleWriter returns a writer that passes text on to w as [Visible] would show
// it, but for newline and tab, which stay; in constant memory. A character may be cut anywhere between
// two calls of Write. Close writes the escapes of a character that the end
// of the text cut off (without Close these at most three bytes are missing)
// and does not close w. After an error of w the writer stays failed.
func NewVisibleWriter(w io.Writer) io.WriteCloser {
	return &visibleWriter{w: w}
}

type visibleWriter struct {
	w    io.Writer
	cut  []byte // start of a character whose rest has not come yet
	in   []byte
	out  []byte
	done error
}

func (v *visibleWriter) Write(p []byte) (int, error) {
	const piece = 16 << 10
	written := 0
	for len(p) > 0 {
		if v.done != nil {
			return written, v.done
		}
		n := min(len(p), piece)
		v.in = append(append(v.in[:0], v.cut...), p[:n]...)
		v.flush(false)
		if v.done != nil {
			return written, v.done
		}
		written += n
		p = p[n:]
	}
	return written, v.done
}

func (v *visibleWriter) Close() error {
	if v.done != nil {
		if errors.Is(v.done, ErrClosed) {
			return nil
		}
		return v.done
	}
	v.in = append(v.in[:0], v.cut...)
	v.flush(true)
	if v.done != nil {
		return v.done
	}
	v.done = ErrClosed
	return nil
}

func (v *visibleWriter) flush(last bool) {
	var rest []byte
	v.out, rest = appendVisible(v.out[:0], v.in, true, last)
	v.cut = append(v.cut[:0], rest...)
	if len(v.out) > 0 {
		_, v.done = v.w.Write(v.out)
	}
}

// appendVisible appends in to out, escaped, and returns what is left of in: the
// start of a character that in cuts off, unless in is the last piece.
func appendVisible(out, in []byte, lines, last bool) (shown, rest []byte) {
	for len(in) > 0 {
		plain := 0
		for plain < len(in) && asIs(in[plain], lines) {
			plain++
		}
		out, in = append(out, in[:plain]...), in[plain:]
		if len(in) == 0 {
			break
		}
		if !last && !utf8.FullRune(in) {
			return out, in
		}
		r, size := utf8.DecodeRune(in)
		switch {
		case r == utf8.RuneError && size == 1, r < 0x20, r == 0x7f:
			out = append(out, '\\', 'x', hexDigits[in[0]>>4], hexDigits[in[0]&15])
		case hidden(r):
			out = append(out, '\\', 'u',
				hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		default:
			out = append(out, in[:size]...)
		}
		in = in[size:]
	}
	return out, nil
}

func asIs(c byte, lines bool) bool {
	return 0x20 <= c && c < 0x7f || lines && (c == '\n' || c == '\t')
}

// hidden reports whether r ends a line, drives a terminal, reorders text or
// vanishes as a byte order mark. All of these lie in the basic plane, so four
// hex digits show them.
func hidden(r rune) bool {
	switch {
	case 0x20 <= r && r < 0x7f: // soon told, and most names are nothing else
		return false
	case r == 0x2028, r == 0x2029, r == 0xfeff:
		return true
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}
