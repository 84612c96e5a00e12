package arguments

import (
	"flag"
	"io"
	"slices"
	"testing"
)

func TestScatter(t *testing.T) {
	for _, row := range []struct {
		args, rest []string
		value      string
		empty, bad bool
	}{
		{args: nil},
		{args: []string{"-f", "v", "a", "b"}, value: "v", rest: []string{"a", "b"}},
		{args: []string{"a", "-f", "v", "b"}, value: "v", rest: []string{"a", "b"}},
		{args: []string{"a", "--", "-f", "--"}, rest: []string{"a", "-f", "--"}},
		{args: []string{"a", "-f="}, rest: []string{"a"}, empty: true},
		{args: []string{"a", "-g"}, rest: []string{"a"}, bad: true},
	} {
		flags := flag.NewFlagSet("", flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		value := flags.String("f", "", "")
		rest, err := Scatter(flags, row.args)
		if !slices.Equal(rest, row.rest) || (err != nil) != row.bad || *value != row.value ||
			(Empty(flags) == "f") != row.empty {
			t.Errorf("%q: %q, %v, value %q, empty %q", row.args, rest, err, *value, Empty(flags))
		}
	}
}

func TestOperands(t *testing.T) {
	for _, row := range [][2][]string{
		{nil, nil},
		{{"a", "--"}, {"a", "--"}},
		{{"--", "--", "-a"}, {"--", "-a"}},
	} {
		if got := Operands(row[0]); !slices.Equal(got, row[1]) {
			t.Errorf("%q: %q", row[0], got)
		}
	}
}
