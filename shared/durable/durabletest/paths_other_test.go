//go:build !amd64

package durabletest

var triesHere = []try{}
