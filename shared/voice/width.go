package voice

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Width returns how many columns the terminal has that w, an *Output or a file,
// leads to, or 0 if it is not a terminal.
func Width(w io.Writer) int {
	if o, ok := w.(*Output); ok {
		return Width(o.out)
	}
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}
