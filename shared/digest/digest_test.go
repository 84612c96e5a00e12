package digest

import (
	"crypto/sha256"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

func TestOf(t *testing.T) {
	size, sum, err := Of(strings.NewReader("message"))
	if size != 7 || sum != sha256.Sum256([]byte("message")) || err != nil {
		t.Errorf("%d bytes, %x, %v", size, sum, err)
	}
	bad := errors.New("bad")
	if _, _, err := Of(iotest.ErrReader(bad)); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
}

// What is longer than it should be is read one byte too far, and no further.
func TestWithin(t *testing.T) {
	for _, row := range []struct {
		most uint64
		read string
	}{{0, "m"}, {6, "message"}, {7, "message"}, {3, "mess"}, {math.MaxInt64, "message"}, {math.MaxUint64, "message"}} {
		read, sum, err := Within(strings.NewReader("message"), row.most)
		if read != uint64(len(row.read)) || sum != sha256.Sum256([]byte(row.read)) || err != nil {
			t.Errorf("%d: %d bytes, %x, %v", row.most, read, sum, err)
		}
	}
}
