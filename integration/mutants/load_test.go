package main

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

const header = "what: a check is lost\nfile: a.go\ntests: ./a\nrun: ^TestA$\n"

func TestLoad(t *testing.T) {
	list, err := load(fstest.MapFS{
		"b/second.txtar": {Data: []byte(header + "-- old --\nold\n-- new --\n")},
		"a/first.txtar": {Data: []byte("# why: so\n\n" + header +
			"-- old --\n\tif a {\n\n-- new --\n\tif \"\\n\" == `b` {")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []mutant{{what: "a check is lost"}, {what: "a check is lost"}}
	for i, c := range [][2]string{{"\tif a {\n", "\tif \"\\n\" == `b` {"}, {"old", ""}} {
		want[i].change.File, want[i].change.Old, want[i].change.New = "a.go", c[0], c[1]
		want[i].suite = suite{"./a", "^TestA$"}
	}
	if len(list) != 2 || list[0] != want[0] || list[1] != want[1] {
		t.Errorf("got  %q\nwant %q", list, want)
	}
}

func TestLoadRefuses(t *testing.T) {
	const sections = "-- old --\na\n-- new --\nb\n"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":            {"", `is missing`},
		"an unknown header":  {header + "why: so\n" + sections, `unknown header "why"`},
		"a line of text":     {header + "so\n" + sections, `unknown header "so"`},
		"a header twice":     {header + "run: ^TestB$\n" + sections, `header "run" is there twice`},
		"a missing header":   {strings.Replace(header, "file: a.go\n", "", 1) + sections, `header "file" is missing`},
		"an empty header":    {strings.Replace(header, "^TestA$", "", 1) + sections, `header "run" is missing or empty`},
		"no new":             {header + "-- old --\na\n", `"old" and "new"`},
		"the other order":    {header + "-- new --\na\n-- old --\nb\n", `"old" and "new"`},
		"another section":    {header + sections + "-- newer --\n", `"old" and "new"`},
		"a marker in a text": {header + "-- old --\na\n-- b --\nc\n-- new --\n", `"old" and "new"`},
		"no old text":        {header + "-- old --\n-- new --\nb\n", "is empty"},
		"no change":          {header + "-- old --\na\n-- new --\na\n", "the same"},
	} {
		_, err := load(fstest.MapFS{
			"a/good.txtar": {Data: []byte(header + sections)}, "a/bad.txtar": {Data: []byte(c.text)},
		})
		var format *FormatError
		if !errors.As(err, &format) || format.Path != "a/bad.txtar" || !strings.Contains(format.Problem, c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
