package settings

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// inUTF16 is what an editor on Windows saves as "Unicode".
func inUTF16(text, mark string) string {
	b := []byte(mark)
	for _, unit := range utf16.Encode([]rune(text)) {
		b = append(b, byte(unit), byte(unit>>8))
	}
	return string(b)
}

// pasted is a secret as people paste it, and what is said about it as a word, in
// a list of words, and as any text: "" where it is taken.
var pasted = []struct{ name, text, word, list, free string }{
	{"clean", "hunter2", "", "", ""},
	{"quoted", `"hunter2"`, "begins with a quotation mark", "begins with a quotation mark", ""},
	{"half quoted", `hunter2'`, "ends with a quotation mark", "ends with a quotation mark", ""},
	{"typographic", "“hunter2”", "begins with a quotation mark", "begins with a quotation mark", ""},
	{"blank before", " hunter2", "begins with a blank", "", ""},
	{"blank behind", "hunter2 ", "ends with a blank", "", ""},
	{"blank inside", "hun ter2", "contains a blank", "", ""},
	{"no-break space", "hunter2\u00a0", "ends with a blank", "ends with a blank", ""},
	{"zero width", "hun\u200bter2", "contains the invisible character U+200B",
		"contains the invisible character U+200B", ""},
	{"mark", "\ufeffhunter2", "begins with a byte order mark", "begins with a byte order mark",
		"begins with a byte order mark"},
	{"escape", "hunter2\x1b", "ends with the control character U+001B", "ends with the control character U+001B",
		"ends with the control character U+001B"},
	{"two line ends", "hunter2\n\n", "ends with a line end too many", "", "ends with a line end too many"},
	{"two Windows line ends", "hunter2\r\n\r\n", "contains a carriage return, as of a Windows line end", "",
		"contains a carriage return, as of a Windows line end"},
	{"two lines", "hunter2\nhunter3", "contains a line end too many", "", "contains a line end too many"},
	{"UTF-16", inUTF16("hunter2\r\n", "\xff\xfe"), "is in UTF-16; it must be in UTF-8",
		"is in UTF-16; it must be in UTF-8", "is in UTF-16; it must be in UTF-8"},
	{"UTF-16, no mark", inUTF16("hunter2", ""), "has NUL bytes in it, as a text in UTF-16; it must be in UTF-8",
		"has NUL bytes in it, as a text in UTF-16; it must be in UTF-8",
		"has NUL bytes in it, as a text in UTF-16; it must be in UTF-8"},
}

type secrets struct {
	Word Secret `form:"word"`
	List Secret `form:"list"`
	Free Secret
}

func TestPastedIntoFiles(t *testing.T) {
	for _, p := range pasted {
		for setting, want := range map[string]string{"WORD": p.word, "LIST": p.list, "FREE": p.free} {
			for _, end := range []string{"", "\n"} {
				if end == "" && strings.HasSuffix(p.text, "\n") {
					continue // one line end is dropped
				}
				text := strings.TrimSuffix(p.text, "\n") + end
				clean(t, "TEST_"+setting+"_FILE="+file(t, text))
				check(t, p.name+" "+setting, want, true)
			}
		}
	}
}

func TestPastedIntoVariables(t *testing.T) {
	for _, p := range pasted {
		if strings.Contains(p.text, "\x00") || strings.HasSuffix(p.text, "\n") {
			continue // no variable can have it; one more line end than in a file
		}
		for setting, want := range map[string]string{"WORD": p.word, "LIST": p.list, "FREE": p.free} {
			clean(t, "TEST_"+setting+"="+p.text)
			check(t, p.name+" "+setting, want, false)
		}
	}
	clean(t, "TEST_WORD=hunter2\r")
	check(t, "carriage return", "ends with a carriage return, as of a Windows line end", false)
}

func check(t *testing.T, name, want string, inFile bool) {
	t.Helper()
	_, err := Load("TEST", new(secrets))
	if want == "" {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return
	}
	if inFile {
		want = "the file " + want
	}
	if err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
		t.Errorf("%s: %v, want %s", name, err, want)
	}
	if err != nil && strings.Contains(err.Error(), "hunter") {
		t.Errorf("%s: the secret is shown: %v", name, err)
	}
}

// A password may be anything: what is doubtful is taken, and said.
func TestDoubtful(t *testing.T) {
	for text, want := range map[string]string{
		`"hunter2"`: "stands between quotation marks", " hunter2": "begins with a blank", "hunter2\t": "ends with a blank",
		`"hunter2`: "", `"`: "", "hunter 2": "", "": "",
	} {
		clean(t, "TEST_FREE="+text)
		var s secrets
		warnings, err := Load("TEST", &s)
		var wanted []string
		if want != "" {
			wanted = []string{"TEST_FREE " + want + ", taken as a part of it"}
		}
		if err != nil || s.Free.Reveal() != text || !slices.Equal(warnings, wanted) {
			t.Errorf("%q: warnings %q, want %q, error %v", text, warnings, wanted, err)
		}
	}
}
