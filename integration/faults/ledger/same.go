package ledger

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"

	"sealpost/shared/logfile"
)

// AuditSame compares the volumes of several servers, which must be equal, with what the
// senders know: each as Audit does, and the bytes of log files, manifest and retired note
// with those on the first.
func (l *Ledger) AuditSame(dirs ...string) (Report, error) {
	var all Report
	for i, dir := range dirs {
		r, err := l.Audit(dir)
		if err != nil {
			return r, err
		}
		if i == 0 {
			all = r
			continue
		}
		all.Found = min(all.Found, r.Found)
		for _, f := range r.Findings {
			f.Text = dir + ": " + f.Text
			all.Findings = append(all.Findings, f)
		}
		different, err := differing(dirs[0], dir)
		if err != nil {
			return r, err
		}
		all.Findings = append(all.Findings, different...)
	}
	return all, nil
}

// differing compares what two volumes have for pick-up.
func differing(first, other string) (found []Finding, err error) {
	paths := make(map[string]bool)
	for _, dir := range []string{first, other} {
		numbers, _, err := names(dir)
		if err != nil {
			return nil, err
		}
		for _, path := range numbers {
			paths[path] = true
		}
	}
	paths[logfile.ManifestName], paths[logfile.RetiredName] = true, true
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		a, err := content(logs(first, path))
		if err != nil {
			return nil, err
		}
		b, err := content(logs(other, path))
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(a, b) {
			found = append(found, Finding{Differing, path + " is not the same on " + first + " and " + other})
		}
	}
	return found, nil
}

// content is that of a file, nil where there is none.
func content(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}
