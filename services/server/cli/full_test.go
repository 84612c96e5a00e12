package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/state"
	"sealpost/shared/voice"
)

// printing is a call of every command that prints, in an order in which each can
// be done, and what it says where nothing can be printed.
var printing = []struct{ call, says string }{
	{"-h", ""},
	{"version", ""},
	{"sender add another", "server: the token was made invalid again\nserver: hint: no token was made"},
	{"sender add -o FILE third", ""},
	{"sender remove third", ""},
	{"sender set -max-rate 1 store", "hint: what the command changed"},
	{"sender list", "hint: what the command changed"},
	{"sender remove -keep-newest store", ""},
	{"sender remove store", ""},
	{"sender set -max-rate 0 store", ""},
	{"identity", ""},
	{"identity next", ""},
	{"identity list", ""},
	{"identity switch -for 1h", ""},
	{"identity retire", ""},
	{"logbook accept -yes", "server: hint: what the command changed"},
	{"retire -before 2012-07-22", ""},
	{"verify", ""},
	{"cluster accounts", ""},
	{"cluster key", ""},
	{"copy FILE-copy", ""},
	{"healthcheck", ""},
}

// A result that cannot be printed is a failure of every command.
func TestNothingCanBePrinted(t *testing.T) {
	prepareVolumes(t)
	dir := t.TempDir()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, c := range printing {
		var problems bytes.Buffer
		status := Main(t.Context(), strings.Fields(strings.ReplaceAll(c.call, "FILE", filepath.Join(dir, "token.env"))),
			voice.Streams{Out: full, Err: &problems})
		told := strings.Count(problems.String(),
			"server: the result could not be printed: write /dev/full: no space left on device\n")
		if status != exitFailed || told != 1 || !strings.Contains(problems.String(), c.says) {
			t.Errorf("server %s: status %d\n%s", c.call, status, problems.String())
		}
	}
	if _, out, _ := call(t, "sender", "list"); out != "" {
		t.Errorf("a token that nobody saw is valid: %s", out)
	}
}

// Every line of the usage that names a command has its call above. The server
// itself, the set-up and discarding print nothing.
func TestEveryCommandIsTried(t *testing.T) {
	lines := regexp.MustCompile(`(?m)^  server ([a-z]+(?: [a-z]+)*)`).FindAllStringSubmatch(usage, -1)
	if len(lines) < 10 {
		t.Fatalf("the usage shows %d commands", len(lines))
	}
	for _, line := range lines {
		name := line[1]
		tried := slices.ContainsFunc(printing,
			func(c struct{ call, says string }) bool { return strings.HasPrefix(c.call, name) })
		if !tried && name != "setup" {
			t.Errorf("server %s is not tried", name)
		}
	}
}

// prepareVolumes makes volumes with one sender that do not fit each other, and a
// server that is ready.
func prepareVolumes(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("SERVER_STATE_DIR", filepath.Join(dir, "state"))
	t.Setenv("SERVER_DATA_DIR", filepath.Join(dir, "data"))
	t.Setenv("SERVER_ADMIN_LISTEN", readyServer(t))
	if status, _, problems := call(t, "sender", "add", "store"); status != exitOK {
		t.Fatalf("sender add: %d, %s", status, problems)
	}
	anotherLogbook(t, filepath.Join(dir, "data"), filepath.Join(dir, "state"))
}

// anotherLogbook makes a log volume of a logbook that the state volume does not
// know.
func anotherLogbook(t *testing.T, data, stateDir string) {
	t.Helper()
	st, err := state.Open(stateDir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	book, err := local.Open(local.Config{Dir: data, ID: state.NewLogbookID(), Notary: st, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
}
