//go:build !linux

package watch

// told says that this system does not tell of new names at a bearable price.
const told = false

func tellsAll(string) bool { return false }
