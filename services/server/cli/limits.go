package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"

	"sealpost/services/server/quota"
	"sealpost/services/server/state"
	"sealpost/shared/logging/trail"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

const limitFlags = "[-max-bytes-per-day SIZE] [-max-rate MESSAGES-A-SECOND]"

var errRate = errors.New("a number of messages a second such as 10 or 0.5, 0 for no limit")

// defineLimits defines the flags for what a sender may send.
func defineLimits(f *flag.FlagSet, change *state.LimitsChange) {
	f.Var(&limitFlag{set: func(text string) error {
		var size settings.Bytes
		err := size.UnmarshalText([]byte(text))
		change.BytesPerDay = (*uint64)(&size)
		return err
	}}, "max-bytes-per-day", "")
	f.Var(&limitFlag{set: func(text string) error {
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil || !state.ValidRate(rate) {
			return errRate
		}
		change.Rate = &rate
		return nil
	}}, "max-rate", "")
}

// limitFlag is a flag.Value that knows its text, so that an empty one is told from none.
type limitFlag struct {
	text string
	set  func(text string) error
}

func (l *limitFlag) String() string { return l.text }

func (l *limitFlag) Set(text string) error {
	l.text = text
	return l.set(text)
}

// limitSender changes what a sender may send.
func limitSender(ctx context.Context, args []string, std voice.Streams) error {
	const usage = "sender set " + limitFlags + " NAME"
	var change state.LimitsChange
	name, err := oneArgument(usage, args, func(f *flag.FlagSet) { defineLimits(f, &change) })
	if err != nil {
		return err
	}
	if !change.Any() {
		return usageError("%s", usage)
	}
	return changeState(ctx, std, func(st *state.State, std voice.Streams) error {
		limits, err := st.SetLimits(name, change)
		if err != nil {
			return err
		}
		recordLimits(std, st, name, change)
		_, err = fmt.Fprintf(std.Out, "%s may send: %s\n", name, limitsText(limits))
		return err
	})
}

// recordLimits writes a change of limits into the audit trail.
func recordLimits(std voice.Streams, st *state.State, name string, change state.LimitsChange) {
	if !change.Any() {
		return
	}
	now := st.Limits(name)
	record(std, trail.SenderLimited).Str("sender", name).Uint64("max_bytes_per_day", now.BytesPerDay).
		Float64("max_rate", now.Rate).Msg("what a sender may send has changed")
}

func limitsText(l quota.Limits) string {
	bytes, rate := "any number of bytes a day", "at any rate"
	if l.BytesPerDay > 0 {
		bytes = fmt.Sprintf("%d bytes a day", l.BytesPerDay)
	}
	if l.Rate > 0 {
		rate = fmt.Sprintf("%g messages a second", l.Rate)
	}
	return bytes + ", " + rate
}
