package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/tools/txtar"
)

// FormatError is returned for a file that does not describe a mutant.
type FormatError struct{ Path, Problem string }

func (e *FormatError) Error() string { return e.Path + ": " + e.Problem }

// load reads every file below fsys, in the order of their names, and returns all
// that is wrong with any of them.
func load(fsys fs.FS) (list []mutant, err error) {
	var wrong []error
	err = fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		m, err := parse(text)
		if err != nil {
			wrong = append(wrong, &FormatError{path, err.Error()})
		}
		list = append(list, m)
		return nil
	})
	return list, errors.Join(append(wrong, err)...)
}

// parse reads a mutant from a txtar archive:
//
//	# a reason that does not show, if any
//	what: room: what a message leaves free is not counted
//	file: services/server/space.go
//	tests: ./services/server
//	run: ^TestRoom$
//	-- old --
//	the text to replace, which occurs once
//	-- new --
//	what takes its place, or nothing
//
// The texts stand as they are in the source. The line end before the next marker,
// or at the end of the file, is not part of a text: one that ends with a line end
// is followed by an empty line. A line of the form "-- name --" cannot be part of
// a text, as txtar has no escape for it; the text must be chosen shorter.
func parse(text []byte) (m mutant, err error) {
	archive := txtar.Parse(text)
	if err := parseHeader(string(archive.Comment), map[string]*string{
		"what": &m.what, "file": &m.change.File, "tests": &m.pkg, "run": &m.run,
	}); err != nil {
		return m, err
	}
	if len(archive.Files) != 2 || archive.Files[0].Name != "old" || archive.Files[1].Name != "new" {
		return m, errSections
	}
	m.change.Old, m.change.New = section(archive.Files[0]), section(archive.Files[1])
	switch m.change.Old {
	case "":
		return m, errNothing
	case m.change.New:
		return m, errSame
	}
	return m, nil
}

var (
	errSections = errors.New(`the sections are not "old" and "new", each once and in this order`)
	errNothing  = errors.New("old is empty")
	errSame     = errors.New("old and new are the same")
)

func section(f txtar.File) string { return strings.TrimSuffix(string(f.Data), "\n") }

// parseHeader sets each of the fields, which must all be there and not empty.
func parseHeader(header string, fields map[string]*string) error {
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "" || name[0] == '#' {
			continue
		}
		field, known := fields[name]
		switch {
		case !known:
			return fmt.Errorf("unknown header %q", name)
		case *field != "":
			return fmt.Errorf("header %q is there twice", name)
		}
		*field = strings.TrimSpace(value)
	}
	for name, field := range fields {
		if *field == "" {
			return fmt.Errorf("header %q is missing or empty", name)
		}
	}
	return nil
}
