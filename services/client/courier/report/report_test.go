package report

import (
	"strconv"
	"testing"
)

// A server with ever new reasons does not fill the log.
func TestTakingWithManyReasons(t *testing.T) {
	told := 0
	taking := Taking{Tell: func(string) { told++ }}
	for i := range 1000 {
		taking.PutOff(0, strconv.Itoa(i))
	}
	if told != mostReasons {
		t.Errorf("told %d times", told)
	}
}
