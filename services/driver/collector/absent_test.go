package collector_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/logfile"
)

// Behind many files that are not there, small ones are fetched without a look: one that
// is there all the same is taken, a large one is not even fetched, and what is not the
// message's file is left alone.
func TestThereBehindManyThatAreNot(t *testing.T) {
	const absent = 1100 // more than are looked for in a row
	v := drivertest.NewVolume(t)
	for n := range absent {
		v.Add(fmt.Sprintf("%d.txt", n), []byte("small"))
	}
	there, foreign := v.Add("there.txt", []byte("small")), v.Add("alien.txt", []byte("small"))
	large := v.Add("large.bin", make([]byte, 100<<10))
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	cfg.Progress = new(collector.Progress)
	for name, of := range map[string]logfile.Entry{there.File: there, foreign.File: there, large.File: large} {
		if err := os.WriteFile(filepath.Join(cfg.Dir, name), v.Read(of.File), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, result, err := collect(t, cfg)
	if failure := onlyFailure(t, result, err); !errors.Is(failure, collector.ErrForeign) {
		t.Error(failure)
	}
	if result.New != absent || result.Files != absent+2 {
		t.Errorf("%d new files of %d", result.New, result.Files)
	}
	if n := cfg.Progress.Bytes(); n+large.FileSize != result.Bytes+foreign.FileSize {
		t.Errorf("%d bytes were fetched for %d, %d of them in a file that was there", n, result.Bytes, large.FileSize)
	}
	if got := read(t, cfg.Dir, foreign.File); string(got) != string(v.Read(there.File)) {
		t.Error("what was there is gone")
	}
	if err := os.WriteFile(filepath.Join(cfg.Dir, foreign.File), v.Read(foreign.File), 0o644); err != nil {
		t.Fatal(err)
	}
	mustCollect(t, cfg)
	sameFiles(t, v, cfg.Dir)
}
