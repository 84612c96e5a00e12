package docs

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealpost/shared/crypto/cipher2012"
)

const (
	walkPage = "WALK.md"
	walkDir  = "walk"
)

// scripts are the files in walk/ that people wrote; TestWalkLive runs them.
var scripts = []string{"root.py", "say.py", "send2012.py"}

// provided are the files in walk/ that the code makes, by name.
func (w *walk) provided(t *testing.T) map[string][]byte {
	t.Helper()
	var manifest []byte
	for _, line := range w.lines {
		manifest = append(append(manifest, line...), '\n')
	}
	candidates := w.candidates(t)
	return map[string][]byte{
		walkName:                 []byte(walkText),
		"client.hex":             hexLines(w.client),
		"server_message2.txt":    w.files[walkIndex],
		"manifest.jsonl":         manifest,
		"checkpoint":             w.signed,
		walkName + ".tlog-proof": w.proof,
		"pin":                    []byte(w.pin + "\n"),
		"candidate1":             candidates[0],
		"candidate2":             candidates[1],
		"candidate3":             candidates[2],
	}
}

// hexLines shows bytes as hex digits, 32 bytes a line: what is not text is kept
// out of the repository.
func hexLines(raw []byte) []byte {
	var out strings.Builder
	for row := range slices.Chunk(raw, 32) {
		out.WriteString(hex.EncodeToString(row) + "\n")
	}
	return []byte(out.String())
}

func TestWalkFiles(t *testing.T) {
	provided := newWalk(t).provided(t)
	entries, err := os.ReadDir(walkDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if want, ok := provided[entry.Name()]; !ok && !slices.Contains(scripts, entry.Name()) {
			t.Errorf("nothing says what %s is", entry.Name())
		} else if got := read(t, filepath.Join(walkDir, entry.Name())); ok && got != string(want) {
			t.Errorf("%s is\n%s\nwant\n%s", entry.Name(), got, want)
		}
	}
	if want := len(provided) + len(scripts); len(entries) != want {
		t.Errorf("%d files, want %d", len(entries), want)
	}
}

// block is a fenced example of the page.
type block struct{ kind, text string }

func walkBlocksOf(t *testing.T) (found []block) {
	t.Helper()
	// Two fences may stand one right behind the other.
	page := strings.ReplaceAll(read(t, walkPage), "\n```\n```", "\n```\n\n```")
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		found = append(found, block{m[1], m[2]})
	}
	return found
}

// TestWalkShown: every example on the page is what the code makes, or a command
// that another test runs, or belongs to a stack and is marked as such.
func TestWalkShown(t *testing.T) {
	want := newWalk(t).shown(t)
	seen := make(map[string]int)
	blocks := walkBlocksOf(t)
	for i, b := range blocks {
		seen[b.kind]++
		text, computed := want[b.kind]
		switch {
		case computed && b.text != text:
			t.Errorf("%s is\n%s\nwant\n%s", b.kind, b.text, text)
		case b.kind == "python":
			if !slices.ContainsFunc(scripts, func(name string) bool { return read(t, filepath.Join(walkDir, name)) == b.text }) {
				t.Errorf("no file in walk/ is\n%s", b.text)
			}
		case computed, b.kind == "console", b.kind == "live", b.kind == "nc", b.kind == "output":
		case b.kind == "sh" && i+1 < len(blocks) && blocks[i+1].kind == "output":
		default:
			t.Errorf("nothing checks the example of kind %s:\n%s", b.kind, b.text)
		}
	}
	for kind := range want {
		if seen[kind] != 1 {
			t.Errorf("%d examples of kind %s, want 1", seen[kind], kind)
		}
	}
	if seen["output"] != seen["sh"] || strings.Count(read(t, walkPage), "\n```") != 2*len(blocks) {
		t.Error("an example was overlooked")
	}
}

// TestWalkCommands runs the page's commands in a copy of walk/.
func TestWalkCommands(t *testing.T) {
	dir := walkCopy(t)
	blocks := walkBlocksOf(t)
	for i, b := range blocks {
		if b.kind != "sh" {
			continue
		}
		out, err := shell(t, dir, b.text)
		if want := blocks[i+1].text; err != nil || strings.TrimSpace(out) != strings.TrimSpace(want) {
			t.Errorf("%s\nprints\n%s\nwant\n%s\n%v", b.text, out, want, err)
		}
	}
}

// walkCopy returns a directory with the files of walk/.
func walkCopy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(walkDir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shell runs commands as a reader of the page would, with nothing in the
// environment but what is given.
func shell(t *testing.T, dir, commands string, env ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", commands)
	cmd.Dir, cmd.Env = dir, append(env, "PATH="+os.Getenv("PATH"), "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if complaints.Len() > 0 {
		t.Logf("%s", complaints.String())
	}
	return string(out), err
}

// TestWalkProse: the numbers in the page's sentences.
func TestWalkProse(t *testing.T) {
	padding := func(text string) int { return cipher2012.BlockSize - len(text)%cipher2012.BlockSize }
	ahoy := raw2012(spaces, "AHOY")
	page := strings.Join(strings.Fields(read(t, walkPage)), " ")
	for _, text := range []string{
		fmt.Sprintf("What were those %d bytes?", len(ahoy)),
		fmt.Sprintf("`AHOY` and %d bytes of value %[1]d (%#[1]x)", padding("AHOY")),
		fmt.Sprintf("the file `lamp.txt`, %d bytes with its line end", len(walkText)),
		fmt.Sprintf("Its password is `%s`. %d bytes are one full block and %d bytes of a second, "+
			"which %d bytes of value %[4]d (%#[4]x) fill up",
			walkPassword, len(walkText), len(walkText)%cipher2012.BlockSize, padding(walkText)),
		fmt.Sprintf("(Octal %o is %[1]d, the length of a token whose sender has a name of three letters.)", len(walkToken)),
		string(ahoy[cipher2012.KeySize:]) + " | nc",
	} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}
