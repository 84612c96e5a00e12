package setup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/server/state"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/demo"
)

// emptyVolumes returns settings for empty directories that exist, as mounted
// volumes do. Owners change where the test may change them.
func emptyVolumes(t *testing.T) Config {
	t.Helper()
	return configIn(t, t.TempDir())
}

func configIn(t *testing.T, root string) Config {
	t.Helper()
	config := Config{
		DataDir: "data", StateDir: "state", ClientSecretsDir: "client", FTPSecretsDir: "ftp",
		DriverSecretsDir: "driver", OutboxDir: "outbox", ReceivedDir: "received",
	}
	for _, dir := range []*string{&config.DataDir, &config.StateDir, &config.ClientSecretsDir, &config.FTPSecretsDir,
		&config.DriverSecretsDir, &config.OutboxDir, &config.ReceivedDir} {
		*dir = filepath.Join(root, *dir)
		if err := os.Mkdir(*dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		config.Owner = Owner{change: true, uid: 65532, gid: 65532}
	}
	return config
}

func runOnce(t *testing.T, config Config) {
	t.Helper()
	if err := Run(config, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEverythingIsThere(t *testing.T) {
	config := emptyVolumes(t)
	runOnce(t, config)
	st, err := state.Open(config.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if sender, ok := st.Authenticate(strings.TrimSuffix(read(t, config.ClientSecretsDir, "token"), "\n")); !ok ||
		sender != senderName {
		t.Errorf("the client's token is one of %q, %t", sender, ok)
	}
	for _, dir := range []string{config.ClientSecretsDir, config.DriverSecretsDir} {
		pins, err := identity.ParsePins(read(t, dir, "identity"))
		if err != nil || !pins.Has(st.Identity().Public()) || pins[0].Origin != receipt.Origin(st.LogbookID()) {
			t.Errorf("%s: pins %v, %v", dir, pins, err)
		}
	}
	password := read(t, config.FTPSecretsDir, "password")
	if password != read(t, config.DriverSecretsDir, "ftp_password") || len(password) < 20 {
		t.Error("the driver cannot log in at the FTP server")
	}
	if len(read(t, config.ClientSecretsDir, "password")) < 20 {
		t.Error("the message password is short")
	}
	messages, err := demo.Messages()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if got := read(t, config.OutboxDir, m.Name); got != string(m.Body) {
			t.Errorf("%s: %d bytes, want %d", m.Name, len(got), len(m.Body))
		}
	}
	if entries, err := os.ReadDir(config.OutboxDir); err != nil || len(entries) != len(messages) {
		t.Errorf("the outbox holds %v, %v", entries, err)
	}
}

func TestOwnersAndModes(t *testing.T) {
	config := emptyVolumes(t)
	runOnce(t, config)
	reader, root := uint32(65532), uint32(0)
	if os.Getuid() != 0 { // nothing may be given away
		reader, root = uint32(os.Getuid()), uint32(os.Getuid())
	}
	for _, c := range []struct {
		path  string
		mode  fs.FileMode
		owner uint32
	}{
		{config.DataDir, 0o755, reader},
		{filepath.Join(config.DataDir, "logs"), 0o755, reader},
		{filepath.Join(config.DataDir, "staging"), 0o700, reader},
		{config.StateDir, 0o700, reader},
		{filepath.Join(config.StateDir, "identity.pem"), 0o600, reader},
		{filepath.Join(config.StateDir, "lock"), 0o600, reader},
		{config.ClientSecretsDir, 0o700, reader},
		{filepath.Join(config.ClientSecretsDir, "token"), 0o400, reader},
		{filepath.Join(config.ClientSecretsDir, "identity"), 0o400, reader},
		{filepath.Join(config.ClientSecretsDir, "password"), 0o400, reader},
		{config.FTPSecretsDir, 0o700, root},
		{filepath.Join(config.FTPSecretsDir, "password"), 0o400, root},
		{filepath.Join(config.FTPSecretsDir, "cert.pem"), 0o400, root},
		{filepath.Join(config.FTPSecretsDir, "key.pem"), 0o400, root},
		{config.DriverSecretsDir, 0o700, reader},
		{filepath.Join(config.DriverSecretsDir, "ftp_password"), 0o400, reader},
		{filepath.Join(config.DriverSecretsDir, "ftp_ca.pem"), 0o400, reader},
		{filepath.Join(config.DriverSecretsDir, "identity"), 0o400, reader},
		{config.OutboxDir, 0o700, reader},
		{filepath.Join(config.OutboxDir, "empty.txt"), 0o600, reader},
		{config.ReceivedDir, 0o755, reader},
	} {
		info, err := os.Lstat(c.path)
		if err != nil {
			t.Error(err)
			continue
		}
		owner := info.Sys().(*syscall.Stat_t)
		if info.Mode().Perm() != c.mode || owner.Uid != c.owner || owner.Gid != c.owner && os.Getuid() == 0 {
			t.Errorf("%s: mode %v, owner %d:%d, want %v, %d", c.path, info.Mode().Perm(), owner.Uid, owner.Gid, c.mode, c.owner)
		}
	}
}

// snapshot reads every file of the secrets and the state but the lock.
func snapshot(t *testing.T, config Config) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, dir := range []string{config.StateDir, config.ClientSecretsDir, config.FTPSecretsDir, config.DriverSecretsDir} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			path := filepath.Join(dir, entry.Name())
			files[path] = read(t, path)
		}
	}
	return files
}

func TestSecondRun(t *testing.T) {
	config := emptyVolumes(t)
	runOnce(t, config)
	before := snapshot(t, config)
	sent := filepath.Join(config.OutboxDir, "about.txt")
	if err := os.Remove(sent); err != nil {
		t.Fatal(err)
	}
	runOnce(t, config)
	after := snapshot(t, config)
	if len(before) != len(after) {
		t.Errorf("%d files, before %d", len(after), len(before))
	}
	for path, text := range before {
		if after[path] != text {
			t.Errorf("%s was made anew", path)
		}
	}
	if len(read(t, sent)) != 2169 {
		t.Error("a message that was sent is not put in again")
	}
}

func TestOnlyWhatIsLostIsMadeAnew(t *testing.T) {
	config := emptyVolumes(t)
	runOnce(t, config)
	before := snapshot(t, config)
	for _, c := range []struct {
		name    string
		lost    []string
		changed []string
	}{
		{"driver's secrets", []string{"driver/identity", "driver/ftp_ca.pem", "driver/ftp_password"}, nil},
		{"FTP certificate", []string{"ftp/cert.pem"}, []string{"ftp/cert.pem", "ftp/key.pem", "driver/ftp_ca.pem"}},
		{"FTP key", []string{"ftp/key.pem"}, []string{"ftp/cert.pem", "ftp/key.pem", "driver/ftp_ca.pem"}},
		{"FTP password", []string{"ftp/password"}, []string{"ftp/password", "driver/ftp_password"}},
		{"token", []string{"client/token"}, []string{"client/token", "state/senders.jsonl"}},
		{"token again", []string{"client/token"}, []string{"client/token", "state/senders.jsonl"}},
		{"token a third time", []string{"client/token"}, []string{"client/token", "state/senders.jsonl"}},
		{"senders", []string{"state/senders.jsonl"}, []string{"client/token", "state/senders.jsonl"}},
		{"logbook id", []string{"state/logbook_id"}, []string{"state/logbook_id", "client/identity", "driver/identity"}},
		{"identity", []string{"state/identity.pem"}, []string{"state/identity.pem", "client/identity", "driver/identity"}},
	} {
		for _, name := range c.lost {
			if err := os.Remove(filepath.Join(filepath.Dir(config.DataDir), name)); err != nil {
				t.Fatal(err)
			}
		}
		runOnce(t, config)
		after := snapshot(t, config)
		for path, text := range after {
			name := filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)
			changed := before[path] != text
			if want := strings.Contains(strings.Join(c.changed, " ")+" ", name+" "); changed != want {
				t.Errorf("%s lost: %s changed: %t, want %t", c.name, name, changed, want)
			}
		}
		before = after
	}
}

func TestDamagedTokenIsReplaced(t *testing.T) {
	config := emptyVolumes(t)
	runOnce(t, config)
	path := filepath.Join(config.ClientSecretsDir, "token")
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	runOnce(t, config)
	if _, err := token.Parse(strings.TrimSuffix(read(t, path), "\n")); err != nil {
		t.Error(err)
	}
}

// The server could put a link where the set-up, which is root, changes owners.
func TestLinksAreNotFollowed(t *testing.T) {
	config := emptyVolumes(t)
	target := filepath.Join(t.TempDir(), "target")
	if err := os.Mkdir(target, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(config.DataDir, "logs")); err != nil {
		t.Fatal(err)
	}
	if err := Run(config, zerolog.Nop()); err == nil {
		t.Error("a link in the place of logs was taken")
	}
	info, err := os.Stat(target)
	if err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("the target was changed: %v, %v", info.Mode(), err)
	}
}

func TestLogHoldsNoSecret(t *testing.T) {
	config := emptyVolumes(t)
	var log bytes.Buffer
	if err := Run(config, zerolog.New(&log)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"client/token", "client/password", "ftp/password"} {
		secret := strings.TrimSuffix(read(t, filepath.Dir(config.DataDir), path), "\n")
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log shows %s", path)
		}
	}
}

func TestOwner(t *testing.T) {
	for text, want := range map[string]Owner{
		"": {}, "65532": {true, 65532, 65532}, "1:2": {true, 1, 2}, "0": {true, 0, 0}, "4294967294": {true, maxID, maxID},
	} {
		var o Owner
		if err := o.UnmarshalText([]byte(text)); err != nil || o != want {
			t.Errorf("%q is read as %+v, %v", text, o, err)
		}
		var again Owner
		if err := again.UnmarshalText([]byte(o.String())); err != nil || again != o {
			t.Errorf("%q is shown as %q", text, o)
		}
	}
	for _, text := range []string{"root", "-1", "1:", ":1", "1:2:3", "4294967295", " 1"} {
		var o Owner
		if err := o.UnmarshalText([]byte(text)); !errors.Is(err, errOwner) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}
