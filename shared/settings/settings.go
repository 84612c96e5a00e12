// Package settings reads a program's settings from environment variables into
// a struct with envconfig, and reports every problem at once.
//
// The variable of a field is PREFIX_NAME, with NAME the field's `envconfig`
// tag or else its name split into words (DataDir: DATA_DIR). An embedded
// struct counts as if its fields stood in the outer one. Tags:
//
//	default:"…"          the value where the variable is not set
//	required:"true"      an empty value is a problem
//	min:"…" max:"…"      bounds of a number, Bytes or Duration, inclusive
//	oneof:"a,b"          the only values of a string
//	file:"true"          NAME_FILE names a file with the value
//	port:"…"             the port of an Address that has none
//	form:"word"          one word: a blank or a quotation mark is a problem
//	form:"list"          the same, with white space between the words
//
// A field of type Secret always has NAME_FILE. One line end at the end of such
// a file is dropped; to set both variables is a problem. In no text are there
// control characters, and none is in UTF-16 or begins with a byte order mark: the
// problem names the character and nothing else of the text.
//
// Guaranteed: only variables with the prefix are read, and the value of a
// Secret, or of a file, appears in no error, warning or listing. Not
// guaranteed: that values fit together; a struct with a Check method says so.
package settings

import (
	"fmt"
	"reflect"
	"strings"
)

// Problem is one setting that cannot be used.
type Problem struct {
	Name  string // the variable
	Value string // as it was found; empty for secrets and files
	Rule  string // what the value must be, or what is wrong with it
}

// String returns the problem as one line without its end.
func (p Problem) String() string {
	if p.Value == "" {
		return fmt.Sprintf("%s: %s", p.Name, p.Rule)
	}
	return fmt.Sprintf("%s=%q: %s", p.Name, p.Value, p.Rule)
}

// Error is what Load returns: every problem that was found, at least one.
type Error struct {
	Problems []Problem
}

// Error returns one line per problem.
func (e *Error) Error() string {
	var lines []string
	for _, problem := range e.Problems {
		lines = append(lines, problem.String())
	}
	return strings.Join(lines, "\n")
}

// Checker is a settings struct with rules between its fields. Load asks it
// when every field by itself is sound.
type Checker interface {
	Check() []Problem
}

// Setting is one setting as it is in force.
type Setting struct {
	Name  string
	Value string // "set" or "" for a secret
}

// Load fills the struct that target points to from the variables with prefix
// (upper case, without the underscore). Each warning is one line, for the log: about
// a variable that bears the prefix and means nothing, as [Unknown] says, or about a
// secret that was taken as it is and looks as if more was copied than belongs to
// it. The error is *Error.
func Load(prefix string, target any) (warnings []string, err error) {
	fields := collect(prefix, elem(target))
	var problems []Problem
	for _, f := range fields {
		if problem, ok := f.load(); !ok {
			problems = append(problems, problem)
		} else if warning := f.doubt(); warning != "" {
			warnings = append(warnings, warning)
		}
	}
	if checker, ok := target.(Checker); ok && len(problems) == 0 {
		problems = checker.Check()
	}
	if len(problems) > 0 {
		err = &Error{Problems: problems}
	}
	return append(warnings, unknownOf(prefix, fields)...), err
}

// Effective lists the settings that the struct target points to holds, in the
// order of its fields.
func Effective(prefix string, target any) []Setting {
	var settings []Setting
	for _, f := range collect(prefix, elem(target)) {
		settings = append(settings, Setting{Name: f.name, Value: f.show()})
	}
	return settings
}

func elem(target any) reflect.Value { return reflect.ValueOf(target).Elem() }
