package collector_test

import (
	"slices"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
)

// TestOwedIsChangedBeside a run: neither takes the other's word off the list. A number
// whose file comes stays on it where somebody hands it on.
func TestOwedIsChangedBeside(t *testing.T) {
	v := sampleVolume(t, 4)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	late := v.Read(v.Entries[1].File)
	v.Remove(v.Entries[1].File)
	var out *collector.Output
	cfg.Opened = func(o *collector.Output) { out = o }
	var told []uint64
	cfg.Kept = func(lines uint64, size int64) {
		told = append(told, lines)
		if size != int64(len(v.Lines(int(lines)))) {
			t.Errorf("%d lines have %d bytes", lines, size)
		}
		if lines == 0 {
			if owed, err := out.ChangeOwed(set(t, "7"), set(t, "9")); err != nil || owed.String() != "7" {
				t.Errorf("%v, %v", owed, err)
			}
		}
	}
	_, result, err := collect(t, cfg)
	_ = onlyFailure(t, result, err)
	if owed(t, cfg.Dir) != "1\n7\n" || !slices.Equal(told, []uint64{0, 4}) {
		t.Errorf("owed %q, told %v", owed(t, cfg.Dir), told)
	}
	v.Write(v.Entries[1].File, late)
	mustCollect(t, cfg)
	if owed(t, cfg.Dir) != "1\n" { // 7 is beyond the manifest
		t.Errorf("owed %q", owed(t, cfg.Dir))
	}
	cfg.Kept = nil
	mustCollect(t, cfg)
	if owed(t, cfg.Dir) != "" {
		t.Errorf("owed %q", owed(t, cfg.Dir))
	}
}
