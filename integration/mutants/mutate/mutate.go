// Package mutate changes the project's sources on a copy: it writes the changed
// files elsewhere, and has the go command read those in the place of the
// originals, which stay as they are.
package mutate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Change replaces a text that occurs once in a file.
type Change struct {
	File     string // from the root of the module
	Old, New string
}

// TimesError is returned for a text that does not occur once.
type TimesError struct {
	Change
	Times int
}

func (e *TimesError) Error() string {
	return fmt.Sprintf("%s: the text to replace occurs %d times: %q", e.File, e.Times, e.Old)
}

// Apply returns what the changes, several of which may be of one file, make of
// the files below root: each text by its absolute path.
func Apply(root string, changes ...Change) (map[string]string, error) {
	texts := make(map[string]string)
	for _, c := range changes {
		path, err := filepath.Abs(filepath.Join(root, c.File))
		if err != nil {
			return nil, err
		}
		if _, changed := texts[path]; !changed {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			texts[path] = string(text)
		}
		if n := strings.Count(texts[path], c.Old); n != 1 {
			return nil, &TimesError{c, n}
		}
		texts[path] = strings.Replace(texts[path], c.Old, c.New, 1)
	}
	return texts, nil
}

// Overlay writes what Apply returned to dir, and returns the path of the list
// that puts it in place, for the flag -overlay of the go command.
func Overlay(dir string, texts map[string]string) (string, error) {
	replace := make(map[string]string)
	for path, text := range texts {
		replace[path] = filepath.Join(dir, strconv.Itoa(len(replace))+".go")
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o600)
}
