package hook

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"sealpost/shared/message"
)

// Command is a program that is started for each message. It has been taken by exit
// status 0.
type Command struct {
	Args  []string      // the program, as exec.LookPath finds it, and its arguments
	Limit time.Duration // for one message
	Log   zerolog.Logger
}

// Split makes a command of words with blanks between them. There is no shell and
// there are no quotation marks: what needs them belongs into a script.
func Split(text string) []string { return strings.Fields(text) }

// leftOpen is how long the output of a command may stay open once it has ended, or
// was killed: something that it started may hold it.
const leftOpen = 2 * time.Second

// NeedsFile is true: a command reads the message from a file.
func (c *Command) NeedsFile() bool { return true }

// Hand runs the command. When the time limit or ctx ends, it is killed, with all that
// is in its process group.
func (c *Command) Hand(ctx context.Context, m Message) error {
	said := &output{log: c.Log, number: m.Entry.Seq}
	defer said.end()
	err := within(ctx, c.Limit, func(ctx context.Context) error { return c.run(ctx, m, said) })
	if err == nil || ctx.Err() != nil {
		return err
	}
	said.end()
	return &FailedError{Hook: message.Visible(c.Args[0]), Said: said.last, Cause: err}
}

func (c *Command) run(ctx context.Context, m Message, said *output) error {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env = environment(os.Environ(), m)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.WaitDelay = leftOpen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) { // it ended with 0
		return nil
	}
	return err
}

// killGroup kills what the command started, too, unless that left its process group.
func killGroup(pid int) error {
	err := syscall.Kill(-pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// environment is that of the driver, without what is the driver's own: among its
// settings are secrets.
func environment(own []string, m Message) []string {
	var env []string
	for _, variable := range own {
		if !strings.HasPrefix(variable, "DRIVER_") && !strings.HasPrefix(variable, prefix) {
			env = append(env, variable)
		}
	}
	e := m.Entry
	for _, v := range [][2]string{
		{"NUMBER", strconv.FormatUint(e.Seq, 10)},
		{"NAME", e.Name}, // without control characters, as logfile.ParseLine says
		{"SENDER", e.Sender},
		{"ID", e.ID.String()},
		{"SIZE", strconv.FormatUint(e.Size, 10)},
		{"SHA256", e.SHA256.String()},
		{"RECEIVED_AT", e.ReceivedAt.UTC().Format(time.RFC3339Nano)},
		{"FILE", m.File},
		{"MESSAGE", m.Path},
	} {
		env = append(env, prefix+v[0]+"="+v[1])
	}
	return env
}

// prefix is that of the variables that a command gets.
const prefix = "SEALPOST_"
