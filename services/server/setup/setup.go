// Package setup prepares the volumes of the demonstration: identity and
// logbook id, a sender's token and pin, the password and certificate of the
// FTP server, the six messages. It is a program's one-shot, run before the
// others and as root, since every volume belongs to the one that reads it.
//
// Guaranteed: it can be run again at any time, also next to a running stack.
// What is secret is made once and kept; only what is missing, damaged, expired
// or no longer valid is made anew. The messages are put in at every run. A
// file is seen whole or not at all, and with its final owner.
//
// Not guaranteed: that a running FTP server takes up a new certificate before
// it is started again. Owners and modes of files that others put into the
// volumes are left alone, but for those of the state.
package setup

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/state"
	"sealpost/shared/demo"
	"sealpost/shared/durable"
)

const (
	// Prefix starts the names of the set-up's settings.
	Prefix = "SETUP"
	// SenderName is the name of the demonstration's sender.
	SenderName = "demo"

	secretMode  = 0o400
	messageMode = 0o600
)

// Config are the set-up's settings, variables that start with Prefix: the
// directories at which the volumes are mounted, and the user to whom all of
// them but the FTP server's belong (a uid, or uid:gid; empty: no change).
type Config struct {
	DataDir          string `default:"/data" required:"true"`
	StateDir         string `default:"/state" required:"true"`
	ClientSecretsDir string `default:"/secrets/client" required:"true"`
	FTPSecretsDir    string `default:"/secrets/ftp" required:"true"`
	DriverSecretsDir string `default:"/secrets/driver" required:"true"`
	OutboxDir        string `default:"/outbox" required:"true"`
	ReceivedDir      string `default:"/ftpreceived" required:"true"`
	Owner            Owner  `default:"65532"`
	SkipMessages     bool   // leave the outbox as it is
}

// run is one run of the set-up.
type run struct {
	Config
	log zerolog.Logger
	now time.Time
}

// Run prepares everything that Config names, and logs what it made.
func Run(config Config, log zerolog.Logger) error {
	r := run{Config: config, log: log, now: time.Now()}
	steps := []func() error{r.directories, r.stateAndSender, r.ftp}
	if !config.SkipMessages {
		steps = append(steps, r.messages)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("set-up: %w", err)
		}
	}
	return nil
}

func (r run) directories() error {
	for _, d := range []struct {
		path  string
		mode  fs.FileMode
		owner Owner
	}{
		{r.DataDir, 0o755, r.Owner},
		{filepath.Join(r.DataDir, "logs"), 0o755, r.Owner},
		{filepath.Join(r.DataDir, "staging"), 0o700, r.Owner},
		{r.StateDir, 0o700, r.Owner},
		{r.ClientSecretsDir, 0o700, r.Owner},
		{r.DriverSecretsDir, 0o700, r.Owner},
		{r.FTPSecretsDir, 0o700, r.ftpOwner()},
		{r.OutboxDir, 0o700, r.Owner},
		{r.ReceivedDir, 0o755, r.Owner},
	} {
		if err := makeDir(d.path, d.mode, d.owner); err != nil {
			return err
		}
	}
	// Docker gives a volume that is still empty the owner that the last image
	// mounting it asks for; one with a file in it keeps its own.
	return r.put(r.ReceivedDir, ".keep", nil, 0o644, r.Owner)
}

func (r run) stateAndSender() error {
	st, err := state.Open(r.StateDir)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := r.stateOwner(); err != nil {
		return err
	}
	return r.secrets(st)
}

// stateOwner gives the state to its reader, whoever made it.
func (r run) stateOwner() error {
	entries, err := os.ReadDir(r.StateDir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := r.Owner.give(filepath.Join(r.StateDir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// messages come last: a waiting client may take them at once.
func (r run) messages() error {
	messages, err := demo.Messages()
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := r.put(r.OutboxDir, m.Name, m.Body, messageMode, r.Owner); err != nil {
			return err
		}
	}
	r.log.Info().Int("messages", len(messages)).Msg("messages put into the outbox")
	return nil
}

// put writes a file whole: temporary dot name, owner, fsync, rename.
func (r run) put(dir, name string, data []byte, mode fs.FileMode, owner Owner) error {
	uid, gid := owner.ids()
	return durable.WriteFileOwner(filepath.Join(dir, name), data, mode, uid, gid)
}

// ftpOwner is root, as whom the FTP server starts; where no owner is changed,
// it is not changed here either.
func (r run) ftpOwner() Owner {
	if !r.Owner.change {
		return Owner{}
	}
	return Owner{change: true}
}
