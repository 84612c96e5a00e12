package entry

import (
	"crypto/sha256"
	"fmt"
	"sort"
	"time"

	"sealpost/shared/logfile"
)

// The years over which the rules of a zone are compared. A rule that repeats for ever
// shows in them.
const firstYear, lastYear = 2020, 2060

const day = 24 * 60 * 60 // seconds

// RulesOf returns the digest of when a zone changes its offset from UTC, to the second, and
// to what: servers with databases of other years may disagree on it. No zone changes twice
// in a day.
func RulesOf(zone *time.Location) logfile.Digest {
	offset := func(at int64) int {
		_, seconds := time.Unix(at, 0).In(zone).Zone()
		return seconds
	}
	sum := sha256.New()
	at := time.Date(firstYear, time.January, 1, 0, 0, 0, 0, time.UTC).Unix()
	now := offset(at)
	_, _ = fmt.Fprintln(sum, now) // a hash takes everything
	for end := time.Date(lastYear, time.January, 1, 0, 0, 0, 0, time.UTC).Unix(); at < end; at += day {
		if offset(at+day) == now {
			continue
		}
		change := at + int64(sort.Search(day, func(n int) bool { return offset(at+int64(n)) != now }))
		now = offset(at + day)
		_, _ = fmt.Fprintln(sum, change, now)
	}
	return logfile.Digest(sum.Sum(nil))
}
