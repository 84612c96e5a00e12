package python

import (
	"encoding/json"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/shared/vectortest"
)

const root = "../.."

// vectorKinds are the directories of vectors in the repository, and what
// vectors.py calls their kind.
var vectorKinds = map[string]string{
	"shared/framing/testdata/vectors":              "records",
	"shared/framing/testdata/clients":              "clients",
	"shared/framing/testdata/servers":              "servers",
	"shared/framing/testdata/wire2012":             "wire2012",
	"shared/crypto/cipher2012/testdata/vectors":    "cipher2012",
	"shared/crypto/receipt/testdata/receipts":      "receipts",
	"shared/crypto/receipt/testdata/checkpoints":   "checkpoints",
	"shared/crypto/receipt/testdata/retired":       "retired",
	"shared/crypto/receipt/testdata/roots":         "roots",
	"shared/crypto/identity/testdata/pins":         "pins",
	"shared/crypto/identity/testdata/certificates": "certificates",
	"shared/logfile/testdata/lines":                "lines",
	"shared/logfile/testdata/files":                "files",
}

// TestVectors: what the Python implementation makes of each vector is what the
// vector's header says, and what it reads it writes again byte for byte.
func TestVectors(t *testing.T) {
	for dir, kind := range vectorKinds {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			found := look(t, kind, filepath.Join(root, dir))
			for _, v := range vectortest.Read(t, filepath.Join(root, dir)) {
				got, ok := found[v.Name]
				if !ok {
					t.Errorf("%s was not looked at", v.Name)
					continue
				}
				compare(t, v, got)
			}
		})
	}
}

// look returns what came of each vector of a directory.
func look(t *testing.T, kind, dir string) map[string]map[string]any {
	t.Helper()
	stdout, stderr, status := python(t, nil, "vectors.py", kind, dir)
	if status != 0 {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	found := make(map[string]map[string]any)
	for line := range strings.Lines(stdout) {
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		name, _ := one["vector"].(string)
		delete(one, "vector")
		found[name] = one
	}
	return found
}

// compare holds what was found against the header, in which every key of it must
// stand, and every record that stands there must have been found.
func compare(t *testing.T, v vectortest.Vector, found map[string]any) {
	t.Helper()
	if found["outcome"] != v.Header["expect"] {
		t.Errorf("%s: %v, want %s", v.Name, found["outcome"], v.Header["expect"])
	}
	if again, read := found["again"]; again != true && (read || v.Header["expect"] == "success") {
		t.Errorf("%s: encoded again it is another", v.Name)
	}
	for key, value := range found {
		if want, ok := v.Header[key]; key != "outcome" && key != "again" && (!ok || value != want) {
			t.Errorf("%s: %s is %v, want %q", v.Name, key, value, want)
		}
	}
	for key, want := range v.Header {
		if _, ok := found[key]; strings.HasPrefix(key, "record ") && !ok {
			t.Errorf("%s: %s is missing: %s", v.Name, key, want)
		}
	}
}

// volumes are what servers and clients of former versions left, and not vectors.
const volumes = "integration/upgrade/testdata"

// TestEveryVectorIsRun: there is no vector in the repository that TestVectors
// passes over.
func TestEveryVectorIsRun(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() && (filepath.ToSlash(name) == volumes || strings.HasPrefix(d.Name(), ".") && path != root) {
			return fs.SkipDir
		}
		if dir := filepath.Dir(filepath.ToSlash(name)); strings.Contains(dir, "/testdata/") && filepath.Ext(name) == ".txt" &&
			vectorKinds[dir] == "" {
			t.Errorf("%s is in no directory that is run", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
