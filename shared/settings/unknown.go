package settings

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Unknown returns one line for each variable with the prefix that is not a setting
// of the struct target points to, with the setting that was meant where that can
// be guessed. Variables that Kubernetes makes for a service of that name are
// nobody's slip and are left out.
func Unknown(prefix string, target any) []string {
	return unknownOf(prefix, collect(prefix, elem(target)))
}

func unknownOf(prefix string, fields []field) []string {
	var known []string
	for _, f := range fields {
		known = append(known, f.name)
		if f.fromFile {
			known = append(known, f.name+fileSuffix)
		}
	}
	var warnings []string
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		rest, found := strings.CutPrefix(name, prefix+"_")
		if !found || slices.Contains(known, name) || injected(rest, value) {
			continue
		}
		warning := fmt.Sprintf("%q is not a setting and is ignored", name)
		if meant := nearest(name, known); meant != "" {
			warning += "; is " + meant + " meant?"
		}
		warnings = append(warnings, warning)
	}
	slices.Sort(warnings)
	return warnings
}

// injectedNames are the names, behind the prefix, that Kubernetes and the links
// of old Docker engines give to what a service listens on.
var injectedNames = regexp.MustCompile(`^(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

func injected(rest, value string) bool {
	return injectedNames.MatchString(rest) || rest == "PORT" && strings.Contains(value, "://")
}

// nearest returns the known name that a slip of typing turns into name, "" where
// none is near: a third of the letters behind the prefix at most.
func nearest(name string, known []string) string {
	best, least := "", len(name)
	for _, candidate := range known {
		if d := distance(name, candidate); d < least {
			best, least = candidate, d
		}
	}
	_, rest, _ := strings.Cut(name, "_")
	if least > max(1, len(rest)/3) {
		return ""
	}
	return best
}

// distance is how many letters must be put in, taken out or replaced to make a
// of b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := corner
			if a[i] != b[j] {
				replaced++
			}
			corner = row[j+1]
			row[j+1] = min(replaced, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
