package message

import (
	"fmt"
	"unicode/utf8"
)

// Bounds of names, in bytes.
const (
	MaxName   = 255
	MaxSender = 64
)

// NoSender stands for the sender of a message that came over the 2012 wire,
// which names none. [CheckSender] refuses it, so that nobody can be called so.
const NoSender = "-"

// NameError says which rule a message name or a sender name breaks.
type NameError struct {
	What string // "message name" or "sender name"
	Name string // as it came; Error shows it clipped and quoted
	Rule string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("%s %q: %s", e.What, clip(e.Name), e.Rule)
}

// CheckName checks the name of a message: 1 to 255 bytes of UTF-8 without
// anything that ends a line, drives a terminal or reorders what is shown:
// control characters (C0, DEL, C1), the line and paragraph separators U+2028
// and U+2029, and the characters of Unicode's Bidi_Control property. U+FEFF is
// refused too: as a byte order mark it vanishes when a text is read, so two
// names that look and print alike would differ. Other invisible characters
// (joiners, variation selectors, tags) belong to scripts and emoji and stay
// allowed; names are not compared by how they look. Spaces and "/" are
// allowed: a name is not a path. The error is a [*NameError].
func CheckName(name string) error {
	bad := func(rule string) error {
		return &NameError{What: "message name", Name: name, Rule: rule}
	}
	switch {
	case name == "":
		return bad("must not be empty")
	case len(name) > MaxName:
		return bad(fmt.Sprintf("must be at most %d bytes, not %d", MaxName, len(name)))
	case !utf8.ValidString(name):
		return bad("must be UTF-8")
	}
	for _, r := range name {
		if hidden(r) {
			return bad(fmt.Sprintf("must not contain %U", r))
		}
	}
	return nil
}

// CheckSender checks the name of a sender: [A-Za-z0-9._-]{1,64}, and not "-",
// which is [NoSender]. The error is a [*NameError].
func CheckSender(name string) error {
	bad := func(rule string) error {
		return &NameError{What: "sender name", Name: name, Rule: rule}
	}
	switch {
	case name == "":
		return bad("must not be empty")
	case len(name) > MaxSender:
		return bad(fmt.Sprintf("must be at most %d bytes, not %d", MaxSender, len(name)))
	case name == NoSender:
		return bad("is reserved for messages without a sender")
	}
	for i, r := range name {
		if !senderByte(name[i]) {
			return bad(fmt.Sprintf("must consist of A-Z a-z 0-9 . _ - and not contain %U", r))
		}
	}
	return nil
}

// CheckNewSender checks a name that a sender is to get: that of [CheckSender],
// and no hyphen first, which every command line would take for a flag. Senders
// from before this rule keep their names. The error is a [*NameError].
func CheckNewSender(name string) error {
	if err := CheckSender(name); err != nil {
		return err
	}
	if name[0] == '-' {
		return &NameError{What: "sender name", Name: name, Rule: "must not begin with -"}
	}
	return nil
}

func senderByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '.' || c == '_' || c == '-'
}

// Cut shortens a text to most bytes, and takes no rune apart. Bytes that are not
// UTF-8 are cut anywhere.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for end := most; end > most-utf8.UTFMax; end-- {
		if utf8.RuneStart(text[end]) {
			return text[:end]
		}
	}
	return text[:most]
}
