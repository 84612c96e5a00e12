package setup

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// Names are names of servers or nodes, as they stand in addresses and paths, with commas
// between them.
type Names []string

// maxNames bounds a list.
const maxNames = 16

var (
	oneName  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	errNames = errors.New("up to 16 different names of a-z, 0-9 and hyphens, with commas between them")
)

// UnmarshalText reads a list, which may be empty.
func (n *Names) UnmarshalText(text []byte) error {
	*n = nil
	if len(text) == 0 {
		return nil
	}
	list := strings.Split(string(text), ",")
	for i, name := range list {
		if i == maxNames || !oneName.MatchString(name) || slices.Contains(list[:i], name) {
			return errNames
		}
	}
	*n = list
	return nil
}

// String returns the form that UnmarshalText reads.
func (n Names) String() string { return strings.Join(n, ",") }
