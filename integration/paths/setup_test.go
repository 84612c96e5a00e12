package paths

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSetupIsWalkedFromWhatIsOpen: the set-up is root, and the volumes that it
// fills belong to another user.
func TestSetupIsWalkedFromWhatIsOpen(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	dir := realDir(t)
	b := &table{T: t, program: "server", env: append(os.Environ(), "SETUP_OWNER=4242")}
	for _, name := range []string{"DATA_DIR", "STATE_DIR", "CLIENT_SECRETS_DIR", "FTP_SECRETS_DIR", "DRIVER_SECRETS_DIR",
		"OUTBOX_DIR", "RECEIVED_DIR"} {
		path := filepath.Join(dir, name)
		b.env, b.roots = append(b.env, "SETUP_"+name+"="+path), append(b.roots, path)
	}
	b.run(0, "setup") // makes the directories
	b.run(0, "setup") // finds them, as another user's
	check(t, os.Remove(filepath.Join(dir, "CLIENT_SECRETS_DIR", "token")))
	b.run(0, "setup")
	b.check(openedByEach, looked)
}
