package natstest

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

const serverModule = "github.com/nats-io/nats-server/v2"

// program builds the server, unless the go command's cache has it, and returns its path.
// All test processes on a machine share that cache, and one of them builds.
var program = sync.OnceValues(func() (string, error) {
	output, err := exec.Command("go", "tool", "-n", serverModule).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("building %s: %w\n%s", serverModule, err, failed.Stderr)
	}
	return strings.TrimSpace(string(output)), err
})

func build(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
