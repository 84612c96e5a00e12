package receipt

import (
	"testing"
	"time"
)

func TestSuperseded(t *testing.T) {
	at := time.Date(2026, 11, 27, 23, 4, 5, 6, time.FixedZone("", 7200))
	name := SupersededName("a.txt"+FileSuffix, at)
	if name != "a.txt.tlog-proof.superseded-20261127T210405Z" {
		t.Errorf("name %q", name)
	}
	if of, ok := SupersededOf(name); !ok || of != "a.txt.tlog-proof" {
		t.Errorf("of %q, %v", of, ok)
	}
	for _, other := range []string{
		"a.txt", "a.txt.tlog-proof", "a.txt.superseded-20261127T210405Z", name + "~01234567", name + "x",
		"a.tlog-proof.superseded-", "a.tlog-proof.superseded-20261327T210405Z",
	} {
		if of, ok := SupersededOf(other); ok {
			t.Errorf("%q is of %q", other, of)
		}
	}
}
