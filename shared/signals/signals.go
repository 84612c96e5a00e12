// Package signals says what the programs do when they get a signal, the same in
// all of them.
//
// SIGTERM and SIGINT ask for an orderly end, and a second one ends the program
// at once. SIGHUP, which a terminal sends that goes away, ends nothing: where a
// log is kept it is logged, and the server looks at once at the files that it
// follows. SIGPIPE ends nothing either: a print into a pipe that nobody reads
// fails as any other does, and a server outlives the reader of its log.
package signals

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
)

// hangupKey finds the channel of the hang-ups in a context.
type hangupKey struct{}

// Context takes over the signals of this process, until it ends, and returns a
// context that the first SIGTERM or SIGINT ends. It is for main.
func Context(parent context.Context) context.Context {
	hangups := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) { // else nohup has done it
		signal.Notify(hangups, syscall.SIGHUP)
	}
	// Asked for, so that it does not end the program; nobody needs to be told. To
	// ignore it instead would go over to programs that this one starts.
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)

	ctx, release := signal.NotifyContext(context.WithValue(parent, hangupKey{}, hangups), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, release) // the next one ends the program
	return ctx
}

// OnHangup calls do for each hang-up that ctx, made by [Context], has seen and
// will see, one after the other, until it ends.
func OnHangup(ctx context.Context, do func()) {
	hangups, ok := ctx.Value(hangupKey{}).(chan os.Signal)
	if !ok {
		return
	}
	go func() {
		for {
			select {
			case <-hangups:
				do()
			case <-ctx.Done():
				return
			}
		}
	}()
}

// LogHangups has hang-ups logged and does nothing else about them.
func LogHangups(ctx context.Context, log zerolog.Logger) {
	OnHangup(ctx, func() { log.Info().Msg("SIGHUP ignored: SIGTERM ends the program") })
}
