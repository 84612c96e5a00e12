package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/cluster"
	"sealpost/services/server/daemon"
	"sealpost/services/server/state"
	"sealpost/services/server/state/shared"
	"sealpost/shared/durable"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// stateConfig is what the commands beside a running server need. In a cluster the state is
// that of all servers.
type stateConfig struct {
	StateDir string `default:"/state" required:"true"`
	cluster.Membership
}

// Check reports a directory that is another volume's, and what is missing for a cluster.
func (c *stateConfig) Check() []settings.Problem {
	return append(daemon.CheckStateDir(c.StateDir), c.CheckCluster()...)
}

// loadState reads the settings. The other variables are the running server's, so that
// warnings are about none of those.
func loadState() (config stateConfig, err error) {
	_, err = settings.Load(daemon.Prefix, &config)
	return config, err
}

func openDir(dir string) (*state.State, error) {
	st, err := state.Open(dir)
	if err != nil {
		return nil, &daemon.DirError{Setting: "SERVER_STATE_DIR", Dir: dir, Err: err}
	}
	return st, nil
}

// clusterPatience is how long a command tries to reach the nodes, and to have a change made.
const clusterPatience = time.Minute

// connect reaches the cluster. What all servers share is in the state directory then.
func (c stateConfig) connect(ctx context.Context) (*cluster.Cluster, error) {
	return cluster.Connect(ctx, c.clusterConfig())
}

func (c stateConfig) clusterConfig() cluster.Config {
	return cluster.Config{Membership: c.Membership, StateDir: c.StateDir, Log: zerolog.Nop()}
}

// open opens the state, as it is now.
func (c stateConfig) open(ctx context.Context) (*state.State, error) {
	if c.InCluster() {
		others, err := c.connect(ctx)
		if err != nil {
			return nil, err
		}
		others.Close()
	}
	return openDir(c.StateDir)
}

// withState opens the state for a command that reads it.
func withState(ctx context.Context, do func(*state.State) error) error {
	config, err := loadState()
	if err != nil {
		return err
	}
	st, err := config.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	return do(st)
}

// changeState has do change the state: in a cluster that of all servers, where do may be
// called again, and what it said before does not count.
func changeState(ctx context.Context, std voice.Streams, do func(*state.State, voice.Streams) error) error {
	config, err := loadState()
	if err != nil {
		return err
	}
	if config.InCluster() {
		return config.changeAll(ctx, std, do)
	}
	if err := alone(config.StateDir); err != nil {
		return err
	}
	return inState(config.StateDir, std, do)
}

// errShared means that a change would not last.
var errShared = errors.New("the state is what several servers share, which would undo the change; nothing was changed")

// alone is errShared where a state directory is a copy of what several servers share.
func alone(dir string) error {
	d, err := durable.OpenDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is made
	}
	if err != nil {
		return &daemon.DirError{Setting: "SERVER_STATE_DIR", Dir: dir, Err: err}
	}
	defer d.Close()
	copied, err := shared.Copied(d)
	if err == nil && copied {
		err = errShared
	}
	return err
}

func inState(dir string, std voice.Streams, do func(*state.State, voice.Streams) error) error {
	st, err := openDir(dir)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }() // what was changed is durable already
	return do(st, std)
}

func (c stateConfig) changeAll(ctx context.Context, std voice.Streams,
	do func(*state.State, voice.Streams) error) error {
	ctx, cancel := context.WithTimeout(ctx, clusterPatience)
	defer cancel()
	others, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer others.Close()
	var said, told bytes.Buffer
	err = others.Change(ctx, func(dir string) error {
		said.Reset()
		told.Reset()
		return inState(dir, voice.Streams{In: std.In, Out: &said, Err: &told}, do)
	})
	if errors.Is(err, shared.ErrNotCopied) {
		speak.Remark(std.Err, []string{err.Error()})
		err = nil
	}
	if err != nil {
		return err
	}
	_, _ = std.Err.Write(told.Bytes()) // nobody can be told that this failed
	_, err = std.Out.Write(said.Bytes())
	return err
}
