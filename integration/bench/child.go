package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// roleVariable names, in the environment of a second process of this program,
// the part that it plays.
const roleVariable = "SEALPOST_BENCH_ROLE"

// A role gets its configuration as one line of JSON, says that it is ready with
// one, and then answers each order with one. It ends with its standard input.
var roles = map[string]func(context.Context, *conversation) error{
	"load":           playLoad,
	"bare-server":    playBareServer,
	"bare-client":    playBareClient,
	"neighbour":      playNeighbour,
	"unchecked-load": playUncheckedLoad,
	"wire-server":    playWireServer,
}

// failure is the answer of a role that could not do what it was told.
type failure struct{ Failure string }

// playRole is the main function of a second process.
func playRole(ctx context.Context, role string) int {
	play, ok := roles[role]
	if !ok {
		fmt.Fprintln(os.Stderr, "bench: no role", role)
		return exitUsage
	}
	c := &conversation{in: json.NewDecoder(os.Stdin), out: os.Stdout}
	if err := play(ctx, c); err != nil && !errors.Is(err, io.EOF) {
		if c.tell(failure{err.Error()}) != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		return exitFailed
	}
	return exitOK
}

// conversation is one side of a pipe pair that carries lines of JSON.
type conversation struct {
	in  *json.Decoder
	out io.Writer
}

func (c *conversation) tell(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = c.out.Write(append(line, '\n'))
	return err
}

// hear reads into v; io.EOF when the other side has left.
func (c *conversation) hear(v any) error { return c.in.Decode(v) }

// child is a second process of this program, seen from the first.
type child struct {
	role     string
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
	complain strings.Builder
}

// start runs a role, gives it its configuration, and returns when it has
// answered into ready.
func start(ctx context.Context, role string, config, ready any) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{role: role, cmd: exec.CommandContext(ctx, self)}
	c.cmd.Env = append(os.Environ(), roleVariable+"="+role)
	c.cmd.Stderr = &c.complain
	c.cmd.WaitDelay = time.Second
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReaderSize(out, 1<<20)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	if err := c.order(config, ready); err != nil {
		return nil, errors.Join(err, c.end())
	}
	return c, nil
}

// order tells the child something and reads its answer.
func (c *child) order(order, answer any) error {
	if err := (&conversation{out: c.in}).tell(order); err != nil {
		return fmt.Errorf("%s: %w", c.role, err)
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s left: %w", c.role, err)
	}
	var failed failure
	if json.Unmarshal(line, &failed) == nil && failed.Failure != "" {
		return fmt.Errorf("%s: %s", c.role, failed.Failure)
	}
	return json.Unmarshal(line, answer)
}

// end lets the child finish and waits for it.
func (c *child) end() error {
	_ = c.in.Close() // it ends with its input, or has ended
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w\n%s", c.role, err, c.complain.String())
	}
	return nil
}

func (c *child) cpu() (time.Duration, error) { return cpuOf(c.cmd.Process.Pid) }
