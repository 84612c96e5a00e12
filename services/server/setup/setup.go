// Package setup prepares the volumes of the demonstration: identity and
// logbook id, a sender's token and pin, the password and certificate of the
// FTP server, the six messages; and where there are several servers, what they and
// the nodes of their log know each other by. It is a program's one-shot, run before the
// others and as root, since every volume belongs to the one that reads it.
//
// Guaranteed: it can be run again at any time, also next to a running stack.
// What is secret is made once and kept; only what is missing, damaged, expired
// or no longer valid is made anew. The messages are put in at every run. A
// file is seen whole or not at all, and with its final owner. Who may write into one
// of the volumes cannot have it read, change or give away what is not theirs: each
// directory is opened once, links are refused, owners and modes are set on what was
// opened.
//
// Not guaranteed: that a running FTP server takes up a new certificate before
// it is started again. Owners and modes of files that others put into the
// volumes are left alone, but for those of the state.
package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/state"
	"sealpost/shared/demo"
	"sealpost/shared/durable"
)

const (
	// Prefix starts the names of the set-up's settings.
	Prefix = "SETUP"
	// senderName is the name of the demonstration's sender.
	senderName = "demo"

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
	Cluster
}

// run is one run of the set-up.
type run struct {
	Config
	log     zerolog.Logger
	now     time.Time
	vol     volumes
	shared  clusterVolumes
	opened  []*durable.Dir // all of them
	logbook string         // its id, "": the state is the register's
}

// Run prepares everything that Config names, and logs what it made.
func Run(config Config, log zerolog.Logger) error {
	r := run{Config: config, log: log, now: time.Now()}
	defer r.close()
	steps := []func() error{r.directories, r.clusterDirectories, r.stateAndSender, r.cluster, r.ftp}
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

func (r *run) stateAndSender() error {
	elsewhere, err := r.stateIsShared()
	if err != nil {
		return err
	}
	if elsewhere {
		r.log.Warn().Msg("the first server's state is gone: it is left empty, and takes what the servers share")
		return nil
	}
	st, err := state.Open(r.StateDir)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := r.stateOwner(); err != nil {
		return err
	}
	r.logbook = st.LogbookID()
	return r.secrets(st)
}

// stateOwner gives the state to its reader, whoever made it: the open files, and
// none that has a name elsewhere.
func (r *run) stateOwner() error {
	if !r.Owner.change {
		return nil
	}
	entries, err := r.vol.state.ReadDir()
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := r.giveState(entry.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) giveState(name string) error {
	f, err := openPlain(r.vol.state, name)
	switch {
	case errors.Is(err, durable.ErrNotRegular), errors.Is(err, errLinked):
		r.log.Warn().Err(err).Msg("not a file of the state: it is not given to its reader")
		return nil
	case errors.Is(err, fs.ErrNotExist): // a server runs, and replaced it
		return nil
	case err != nil:
		return err
	}
	defer f.Close()
	return r.Owner.heir().Give(f)
}

// messages come last: a waiting client may take them at once.
func (r *run) messages() error {
	messages, err := demo.Messages()
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := put(r.vol.outbox, m.Name, m.Body, messageMode, r.Owner); err != nil {
			return err
		}
	}
	r.log.Info().Int("messages", len(messages)).Msg("messages put into the outbox")
	return nil
}

// rootOwner is root, as whom the FTP server and the set-up start; where no owner is
// changed, it is not changed here either.
func (r *run) rootOwner() Owner {
	if !r.Owner.change {
		return Owner{}
	}
	return Owner{change: true}
}
