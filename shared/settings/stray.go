package settings

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Values of the tag "form": which characters belong into a text.
const (
	formWord = "word" // one word, not quoted
	formList = "list" // words, with white space between them
)

const (
	byteOrderMark  = "\ufeff"
	quotationMarks = "\"'`“”„‘’‚«»"
)

// stray names the first character that came into a text by the way it was
// copied, "" where there is none. It shows no other part of the text, which may
// be a secret.
func stray(text, form string) string {
	if mark := ByteOrderMark(text); mark != "" {
		return mark
	}
	if strings.Contains(text, "\x00") {
		return "has NUL bytes in it, as a text in UTF-16; it must be in UTF-8"
	}
	for at, r := range text {
		if what := strayRune(r, form); what != "" {
			return place(at, at+utf8.RuneLen(r) >= len(text)) + " " + what
		}
	}
	return ""
}

// ByteOrderMark says what the mark at the start of a text is, "" where there is
// none. Behind one the first block of a PEM file is not found, without a word.
func ByteOrderMark(text string) string {
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		return "is in UTF-16; it must be in UTF-8"
	case strings.HasPrefix(text, byteOrderMark):
		return "begins with a byte order mark"
	}
	return ""
}

func place(at int, last bool) string {
	switch {
	case at == 0:
		return "begins with"
	case last:
		return "ends with"
	}
	return "contains"
}

// strayRune names a character that does not belong into a text of this form.
func strayRune(r rune, form string) string {
	switch {
	case form == formList && strings.ContainsRune(" \t\r\n", r):
		return ""
	case r == '\r':
		return "a carriage return, as of a Windows line end"
	case r == '\n':
		return "a line end too many"
	case unicode.IsControl(r) && r != '\t':
		return fmt.Sprintf("the control character U+%04X", r)
	case form == "":
		return ""
	case unicode.Is(unicode.Cf, r):
		return fmt.Sprintf("the invisible character U+%04X", r)
	case unicode.IsSpace(r):
		return "a blank"
	case strings.ContainsRune(quotationMarks, r):
		return "a quotation mark"
	}
	return ""
}

// doubtful names what may well belong into a password, and mostly does not: a
// pair of quotation marks around it, or a blank at its begin or end.
func doubtful(text string) string {
	first, _ := utf8.DecodeRuneInString(text)
	last, size := utf8.DecodeLastRuneInString(text)
	switch {
	case unicode.IsSpace(first):
		return "begins with a blank"
	case unicode.IsSpace(last):
		return "ends with a blank"
	case len(text) > size && strings.ContainsRune(quotationMarks, first) && strings.ContainsRune(quotationMarks, last):
		return "stands between quotation marks"
	}
	return ""
}
