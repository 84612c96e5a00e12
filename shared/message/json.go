package message

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// JSON returns a value as one line of JSON, with its line end, as [VisibleJSON] shows it.
func JSON(v any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return VisibleJSON(text.Bytes()), nil
}

// VisibleJSON escapes in a JSON text what a terminal would obey, which changes
// nothing of what the text means. Control characters below 0x20 are left alone: the
// encoder has escaped them in strings, and elsewhere they are line ends.
func VisibleJSON(text []byte) []byte {
	var out []byte
	for _, c := range string(text) {
		if c >= 0x7f && Visible(string(c)) != string(c) {
			out = fmt.Appendf(out, `\u%04x`, c) // all of them lie in the basic plane
			continue
		}
		out = append(out, string(c)...)
	}
	return out
}
