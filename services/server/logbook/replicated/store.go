package replicated

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/shared/bounded"
)

// FoldPath is where it lies on the volume what the entries up to a position come to.
const FoldPath = fit.SeveralPath

// maxState is more than a state with the longest list of open chunks takes.
const maxState = 64 << 20

// store keeps the state. An old one costs a start that reads the log from there, and
// nothing else: what the volume keeps already it keeps once.
type store struct{ vol *disk.Volume }

var errState = errors.New("not a state that was written whole")

// StateOn returns what the replicated log had come to when that was last written on a
// volume, also beside the server that reads on: the zero state where there is none.
func StateOn(dir string) (fold.State, error) { return (&store{disk.New(dir)}).read() }

// ForgetState removes it from a volume, which no server has: it is of another log.
func ForgetState(dir string) error {
	err := os.Remove(disk.New(dir).Path(FoldPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// read returns the state: the zero one where there is none yet, or, beside errState, none
// that is whole.
func (s *store) read() (fold.State, error) {
	text, err := bounded.ReadFile(s.vol.Path(FoldPath), maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return fold.State{}, nil
	}
	if err != nil {
		return fold.State{}, err
	}
	var state fold.State
	line, whole := bytes.CutSuffix(text, []byte("\n"))
	body := wal.Unframe(line)
	if !whole || body == nil || json.Unmarshal(body, &state) != nil {
		return fold.State{}, fmt.Errorf("%s: %w", FoldPath, errState)
	}
	return state, nil
}

func (s *store) write(state fold.State) error {
	line, err := wal.Frame(state)
	if err != nil {
		return err
	}
	return s.vol.ReplaceWith(FoldPath+disk.NewSuffix, FoldPath, 0o600, line)
}
