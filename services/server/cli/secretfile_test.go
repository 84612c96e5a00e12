package cli

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A file that cannot be written is told, and taken away.
func TestSecretFileThatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token.env")
	file, err := newSecretFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.keep("text"); !errors.As(err, new(*fileError)) {
		t.Errorf("%v", err)
	}
	if err := file.discard(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
