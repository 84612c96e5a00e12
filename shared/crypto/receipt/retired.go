package receipt

import (
	"errors"
	"fmt"
	"strings"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/numbers"
)

const (
	// MaxRanges bounds the ranges in a note of retired messages.
	MaxRanges = 4096
	// MaxRetired is the most bytes such a note may have: so many ranges of the
	// longest form, and as much for origin and signatures as a checkpoint has.
	MaxRetired = MaxRanges*rangeLen + MaxSize

	rangeLen      = len("4611686018427387902-4611686018427387902\n")
	retiredSuffix = "/retired"
	retiredHead   = 2 // lines before the ranges: origin, serial
)

var (
	// ErrRanges means that a set of numbers cannot be signed: it is empty, has more
	// than MaxRanges ranges, or a number that no tree has.
	ErrRanges = fmt.Errorf("a note of retired messages has 1 to %d ranges of numbers below %d", MaxRanges, uint64(MaxTree))
	// ErrSerial means that a serial is not in 1 to MaxTree.
	ErrSerial = fmt.Errorf("a serial is a number from 1 to %d", uint64(MaxTree))
)

// Retired is what is signed of the messages whose log files a server has removed
// on purpose. Their manifest lines stay.
type Retired struct {
	Origin  string // RetiredOrigin of the logbook's id
	Serial  uint64 // from 1; one more with each replacement that says something else
	Numbers numbers.Set
}

// RetiredOrigin returns the name under which a logbook's notes of retired messages
// are signed. No checkpoint reads as one, nor the other way round: base64 has no
// hyphen, and every range has one.
func RetiredOrigin(logbookID string) string { return Origin(logbookID) + retiredSuffix }

// Of reports whether the note is about the logbook whose checkpoints have that origin.
func (r Retired) Of(origin string) bool { return r.Origin == origin+retiredSuffix }

// text is the note that is signed: origin, serial, and a range FIRST-LAST on each
// line, in ascending order with gaps between them.
func (r Retired) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d\n", r.Origin, r.Serial)
	for _, one := range r.Numbers.Ranges() {
		fmt.Fprintf(&b, "%d-%d\n", one.First, one.Last)
	}
	return b.String()
}

// SignRetired returns r as a note signed by each of the identities, as
// SignCheckpoint does. It is for the caller to give each serial once, and to take no
// number out again. Errors: identity.ErrOrigin, ErrRanges, ErrSerial, ErrUnsigned.
func SignRetired(r Retired, ids ...*identity.Identity) ([]byte, error) {
	if !validRetiredOrigin(r.Origin) {
		return nil, fmt.Errorf("%w: %q", identity.ErrOrigin, r.Origin)
	}
	if !validRanges(&r.Numbers) {
		return nil, ErrRanges
	}
	if r.Serial == 0 || r.Serial > MaxTree {
		return nil, ErrSerial
	}
	return signNote(r.Origin, r.text(), ids)
}

func validRanges(n *numbers.Set) bool {
	last, some := n.Last()
	return some && n.Len() <= MaxRanges && last < MaxTree
}

func validRetiredOrigin(origin string) bool {
	return validOrigin(origin) && strings.HasSuffix(origin, retiredSuffix)
}

// OpenRetired checks a signed note of retired messages against the pinned
// identities, in the order of OpenCheckpoint. Behind the origin, what it takes is what
// SignRetired writes and nothing else. Errors: ErrMalformed, ErrSignature.
func OpenRetired(text []byte, pins identity.Pins) (Retired, error) {
	if len(text) > MaxRetired {
		return Retired{}, fmt.Errorf("%w: more than %d bytes", ErrMalformed, MaxRetired)
	}
	origin, opened, err := openNote(text, pins, validRetiredOrigin)
	if err != nil {
		return Retired{}, err
	}
	return parseRetired(origin, opened)
}

func parseRetired(origin, text string) (Retired, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) <= retiredHead || len(lines) > retiredHead+MaxRanges {
		return Retired{}, malformedRetired("it has %d lines", len(lines))
	}
	r := Retired{Origin: origin}
	var ok bool
	if r.Serial, ok = parseNumber(lines[1]); !ok || r.Serial == 0 {
		return Retired{}, malformedRetired("its second line is not a serial")
	}
	for i, line := range lines[retiredHead:] {
		one, ok := parseRange(line)
		if last, some := r.Numbers.Last(); !ok || some && one.First <= last+1 {
			return Retired{}, malformedRetired("line %d is not the next range", i+retiredHead+1)
		}
		r.Numbers.Add(one)
	}
	return r, nil
}

func parseRange(line string) (r numbers.Range, ok bool) {
	first, last, _ := strings.Cut(line, "-")
	var known [2]bool
	r.First, known[0] = parseNumber(first)
	r.Last, known[1] = parseNumber(last)
	return r, known == [2]bool{true, true} && r.First <= r.Last && r.Last < MaxTree
}

func malformedRetired(format string, args ...any) error {
	return fmt.Errorf("%w: the note of retired messages: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Errors of Follows, to be told apart with errors.Is.
var (
	// ErrLowerSerial means that a note is older than the one known before.
	ErrLowerSerial = errors.New("an earlier list of retired messages was put back")
	// ErrTakenBack means that a note lacks a number that one before it has, or has the
	// same serial and says something else. Nothing but the server, or who holds its
	// key, can make one.
	ErrTakenBack = errors.New("the list of retired messages contradicts the one known before")
)

// Follows returns nil if r can be what a server shows after old, of the same logbook.
// The error is ErrLowerSerial or ErrTakenBack, and says what is wrong.
func (r Retired) Follows(old Retired) error {
	if r.Serial < old.Serial {
		return fmt.Errorf("%w: serial %d, after %d", ErrLowerSerial, r.Serial, old.Serial)
	}
	lacks := old.Numbers.Clone()
	lacks.RemoveAll(r.Numbers)
	if !lacks.Empty() {
		return fmt.Errorf("%w: %v is in it no more", ErrTakenBack, lacks)
	}
	if r.Serial == old.Serial && r.text() != old.text() {
		return fmt.Errorf("%w: two of them have serial %d", ErrTakenBack, r.Serial)
	}
	return nil
}
