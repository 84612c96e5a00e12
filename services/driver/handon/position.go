package handon

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sealpost/services/driver/collector"
)

// positionName is the file in the output directory that says how far handing on is:
// the number whose turn it is and, while that one fails, a second line.
const (
	positionName = "handed"
	mostPosition = 128 // bytes
	failingSince = " failing since "
)

// position is how far handing on is. All below next were handed on, or are owed, or
// were taken away from the output directory before their turn.
type position struct {
	next  uint64
	since time.Time // of the first failure of next; zero: it has not failed
}

// PositionError says why the position cannot be gone by.
type PositionError struct {
	Path  string
	Cause error
}

func (e *PositionError) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Cause) }

// Unwrap returns the cause.
func (e *PositionError) Unwrap() error { return e.Cause }

// Causes of a PositionError.
var (
	errPosition = errors.New("it must hold a message number, and nothing else but since when that message fails")
	errBeyond   = errors.New("it is beyond the last message that was collected into this directory")
)

// readPosition returns 0 where there is none.
func readPosition(out *collector.Output) (p position, err error) {
	text, err := out.ReadFile(positionName, mostPosition)
	if errors.Is(err, fs.ErrNotExist) {
		return position{}, nil
	}
	if err == nil {
		p, err = parsePosition(string(text))
	}
	if err != nil {
		return position{}, &PositionError{filepath.Join(out.Path(), positionName), err}
	}
	return p, nil
}

func parsePosition(text string) (p position, err error) {
	first, rest, ended := strings.Cut(text, "\n")
	if p.next, err = strconv.ParseUint(first, 10, 63); err != nil || !ended {
		return position{}, errPosition
	}
	if rest == "" {
		return p, nil
	}
	since, ok := strings.CutPrefix(strings.TrimSuffix(rest, "\n"), first+failingSince)
	if p.since, err = time.Parse(time.RFC3339, since); err != nil || !ok {
		return position{}, errPosition
	}
	return p, nil
}

func (p position) String() string {
	if p.since.IsZero() {
		return fmt.Sprintf("%d\n", p.next)
	}
	return fmt.Sprintf("%d\n%d%s%s\n", p.next, p.next, failingSince, p.since.UTC().Format(time.RFC3339))
}

// write makes the position durable.
func (p position) write(out *collector.Output) error {
	return out.WriteFile(positionName, []byte(p.String()))
}
