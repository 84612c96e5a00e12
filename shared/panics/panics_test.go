package panics

import (
	"errors"
	"testing"
)

func TestToError(t *testing.T) {
	kind, own := errors.New("the reply is damaged"), errors.New("its own")
	call := func(do func() error) (err error) {
		defer ToError(&err, kind)
		return do()
	}
	for _, err := range []error{nil, own} {
		if got := call(func() error { return err }); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
	err := call(func() error { return []error{}[len(t.Name())] })
	if want := "the reply is damaged: runtime error: index out of range [11] with length 0"; !errors.Is(err, kind) ||
		err.Error() != want {
		t.Errorf("a panic became %v", err)
	}
}
