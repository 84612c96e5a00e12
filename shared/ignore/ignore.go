// Package ignore knows which names in an outbox are not messages: those under
// which programs write files that are not whole yet. The client leaves them
// alone, and the driver does not wait for them.
package ignore

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Setting is the one that client and driver have in common.
type Setting struct {
	OutboxIgnore Patterns `default:"*.part,*.partial,*.filepart,*.crdownload,*.download,*.tmp,*.temp,*.swp,*.swx,*~,~$*,#*#"`
}

// Patterns are those of [path.Match].
type Patterns []string

// Match reports whether a pattern fits a name, in capitals or not: programs on
// other systems write their names so.
func (p Patterns) Match(name string) bool {
	name = strings.ToLower(name)
	for _, pattern := range p {
		pattern = strings.ToLower(pattern)
		if !endsAlike(pattern, name) {
			continue
		}
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

// endsAlike is false where a pattern's last character says that it does not fit.
// path.Match finds that out only after a try at each place in the name: a tenth of
// what four clients of one outbox took of the processor.
func endsAlike(pattern, name string) bool {
	last := pattern[max(0, len(pattern)-1):]
	return strings.Contains(`*?]`, last) || strings.HasSuffix(name, last)
}

// UnmarshalText reads patterns with commas between them; none where there is no
// text.
func (p *Patterns) UnmarshalText(text []byte) error {
	var list Patterns
	for pattern := range strings.SplitSeq(string(text), ",") {
		if _, err := path.Match(pattern, ""); errors.Is(err, path.ErrBadPattern) {
			return fmt.Errorf("patterns with commas between them; in %q * and ? stand for any characters "+
				"and for one, [a-z] for one of those", pattern)
		}
		if pattern != "" {
			list = append(list, pattern)
		}
	}
	*p = list
	return nil
}

// String returns the patterns as they are read.
func (p Patterns) String() string { return strings.Join(p, ",") }
