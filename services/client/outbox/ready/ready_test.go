package ready

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sealpost/shared/durable"
)

// A file whose writers nobody can see goes once it has not changed for a time:
// by its own time of change, or by what was seen of it.
func TestSettled(t *testing.T) {
	const long = 2 * time.Second
	now := time.Now()
	for name, c := range map[string]struct {
		age      time.Duration // of its time of change at the first look
		change   func(path string) error
		after    time.Duration // until the second look
		at1, at2 bool
	}{
		"old":             {age: long, at1: true, at2: true},
		"fresh":           {after: long, at2: true},
		"too early":       {after: long - 1},
		"from the future": {age: -time.Hour, after: long, at2: true},
		"grows": {after: time.Hour,
			change: func(p string) error { return os.WriteFile(p, []byte("more"), 0o644) }},
		"grows, from the future": {age: -9 * time.Hour, after: time.Hour,
			change: func(p string) error { return os.Truncate(p, 9) }},
		"is replaced": {age: -time.Hour, after: time.Hour, change: func(p string) error {
			if err := os.WriteFile(p+"2", []byte("m"), 0o644); err != nil {
				return err
			}
			at := now.Add(time.Hour)
			if err := os.Chtimes(p+"2", at, at); err != nil {
				return err
			}
			return os.Rename(p+"2", p)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "message")
			d, err := durable.OpenDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if err := os.WriteFile(path, []byte("m"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, time.Time{}, now.Add(-c.age)); err != nil {
				t.Fatal(err)
			}
			var l Looks
			look := func(at time.Time) bool {
				info, err := d.Lstat("message")
				if err != nil {
					t.Fatal(err)
				}
				return l.unchanged("message", info, at, long)
			}
			if got := look(now); got != c.at1 {
				t.Errorf("settled at once: %v", got)
			}
			if c.change != nil {
				if err := c.change(path); err != nil {
					t.Fatal(err)
				}
				// As late as the change itself, whose time is the file system's.
				if err := os.Chtimes(path, time.Time{}, now.Add(c.after)); err != nil {
					t.Fatal(err)
				}
			}
			if got := look(now.Add(c.after)); got != c.at2 {
				t.Errorf("settled later: %v", got)
			}
		})
	}
}

// Files that are not looked at any more are forgotten.
func TestForgets(t *testing.T) {
	var l Looks
	for _, name := range []string{"a", "b"} {
		l.unchanged(name, durable.Info{}, time.Unix(0, 0), time.Hour)
	}
	l.Ended()
	l.unchanged("a", durable.Info{}, time.Unix(0, 0), time.Hour)
	l.Ended()
	if _, ok := l.seen["a"]; !ok || len(l.seen) != 1 {
		t.Errorf("it remembers %v", l.seen)
	}
}
