// Package panics makes errors of the panics of libraries that take damaged input
// apart without looking at it first.
package panics

import "fmt"

// ToError is to be deferred: a panic becomes an error of that kind in *err.
func ToError(err *error, kind error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", kind, p)
	}
}
