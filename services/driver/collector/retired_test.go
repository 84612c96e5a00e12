package collector_test

import (
	"errors"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/numbers"
)

// TestRetiredMeanwhile: a file that goes while its server is collected from is not
// missing, where a newer note names it; one that none names is.
func TestRetiredMeanwhile(t *testing.T) {
	v := sampleVolume(t, 4)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	calls := 0
	cfg.Retired = func(text []byte, err error) numbers.Set {
		if err != nil {
			t.Error(err)
		}
		calls++
		if calls > 1 {
			if string(text) != v.SignRetired(1, "1-2") {
				t.Errorf("call %d: %q", calls, text)
			}
			return set(t, "1-2")
		}
		if text != nil {
			t.Errorf("a note at the first call: %q", text)
		}
		v.Retire(1, "1-2", 1, 2, 3)
		return numbers.Set{}
	}
	items, result, err := collect(t, cfg)
	var missing *collector.MissingError
	if failure := onlyFailure(t, result, err); !errors.As(failure, &missing) || missing.Numbers.String() != "3" {
		t.Errorf("failures %v", result.Failures)
	}
	if result.Retired != 2 || result.New != 1 || !items[1].Retired || items[1].New || owed(t, cfg.Dir) != "3\n" {
		t.Errorf("%+v, owed %q", result, owed(t, cfg.Dir))
	}
	// The next run needs no file to be missing, and settles what was owed.
	cfg.Retired = func([]byte, error) numbers.Set { return set(t, "1-3") }
	_, result = mustCollect(t, cfg)
	if result.Retired != 3 || result.Files != 1 || owed(t, cfg.Dir) != "" {
		t.Errorf("%+v, owed %q", result, owed(t, cfg.Dir))
	}
}
