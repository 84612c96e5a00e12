package durable

import "testing"

func TestDirtyBytes(t *testing.T) {
	n, err := DirtyBytes()
	if err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
