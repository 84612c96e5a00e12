//go:build !linux

package durable

func renameNew(fromFD int, from string, toFD int, to string) error {
	return linkNew(fromFD, from, toFD, to)
}
