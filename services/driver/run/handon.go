package run

import (
	"context"
	"errors"
	"os/exec"
	"time"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/handon"
	"sealpost/services/driver/hook"
	"sealpost/shared/settings"
)

// HandOn says where what was collected is handed on to. A run then returns nil only if
// all that it collected was handed on, too, or was given up by handon.Forget; and where
// an identity is set nothing is handed on before a checkpoint has shown it to be signed.
type HandOn struct {
	OnFile string // a command, its words with blanks between them; empty: none
	// OnFileURL may hold a password.
	OnFileURL     settings.Secret `envconfig:"ON_FILE_URL" form:"word"`
	OnFileTimeout time.Duration   `default:"5m" min:"1s"` // for one message
	OnFileGiveUp  time.Duration   `default:"1h" min:"0s"` // of failing; 0: never
	MessagesDir   string          // for each message alone; empty: none
}

// ErrNothingSigned means that nothing shows that what was collected is the server's.
var ErrNothingSigned = errors.New("the server has no checkpoint: nothing is handed on before it is signed")

const (
	onFile    = "DRIVER_ON_FILE"
	onFileURL = "DRIVER_ON_FILE_URL"
)

func (s *HandOn) problems() (problems []settings.Problem) {
	if s.OnFile != "" && s.OnFileURL != "" {
		problems = append(problems, settings.Problem{Name: onFileURL, Rule: "set it or " + onFile + ", not both"})
	}
	if s.OnFile != "" && len(hook.Split(s.OnFile)) == 0 {
		problems = append(problems, settings.Problem{Name: onFile, Value: s.OnFile, Rule: "must name a program"})
	}
	if s.OnFileURL != "" {
		if err := hook.CheckURL(s.OnFileURL.Reveal()); err != nil {
			problems = append(problems, settings.Problem{Name: onFileURL, Rule: err.Error()})
		}
	}
	return problems
}

// attempts is how often one run tries a message before it leaves the rest to the
// next: the pauses between them are seven seconds.
const attempts = 4

// owedEvery is how often a driver that follows tries what is owed.
const owedEvery = time.Minute

// startHanding begins to hand on, if that is set: what passes collect, each message so
// often, or 0 for as often as it takes.
func (d *driver) startHanding(ctx context.Context, attempts int) error {
	to, err := d.hook()
	if err != nil || to == nil && d.MessagesDir == "" {
		return err
	}
	cfg := handon.Config{
		Dir: d.OutputDir, Messages: d.MessagesDir, Hook: to, GiveUp: d.OnFileGiveUp,
		Attempts: attempts, Signed: len(d.pins) > 0, Log: d.log,
	}
	if attempts == 0 {
		cfg.OwedEvery = owedEvery
	}
	d.handing = handon.Start(ctx, cfg)
	return nil
}

// tellHanding has handing on hear of what a pass with that configuration keeps.
func (d *driver) tellHanding(config *collector.Config) {
	if d.handing == nil {
		return
	}
	config.Kept = d.handing.Kept
	if opened := config.Opened; opened != nil {
		config.Opened = func(out *collector.Output) {
			opened(out)
			d.handing.Allow(d.checkpoints.signedBefore())
		}
	}
}

// hook is the one that is set, or nil.
func (d *driver) hook() (hook.Hook, error) {
	switch {
	case d.OnFile != "":
		args := hook.Split(d.OnFile)
		path, err := exec.LookPath(args[0])
		if err != nil {
			return nil, &settings.Error{Problems: []settings.Problem{{
				Name: onFile, Value: d.OnFile, Rule: "must be a program that can be started: " + err.Error(),
			}}}
		}
		args[0] = path
		return &hook.Command{Args: args, Limit: d.OnFileTimeout, Log: d.log}, nil
	case d.OnFileURL != "":
		return hook.NewPost(d.OnFileURL.Reveal(), d.OnFileTimeout)
	}
	return nil, nil
}

// finishHanding waits until all is handed on that can be.
func (d *driver) finishHanding() []error {
	if d.handing == nil {
		return nil
	}
	failures := d.handing.Finish()
	d.log.Info().Uint64("messages", d.handing.Count()).Int("failures", len(failures)).Msg("finished handing on")
	if d.checkpoints != nil && d.checkpoints.missing {
		failures = append(failures, ErrNothingSigned)
	}
	return failures
}
