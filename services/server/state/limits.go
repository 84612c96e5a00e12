package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sealpost/services/server/quota"
	"sealpost/shared/message"
	"sealpost/shared/strictjson"
)

// ErrLimitsFile is what every error about the content of limits.jsonl is.
var ErrLimitsFile = errors.New("limits.jsonl is damaged")

// mostRate is the highest rate that can be set, in messages a second.
const mostRate = 1e6

// knownLimits are the limits of a sender: one line of limits.jsonl, a JSON object with
// these fields alone. They are the name's, and outlast its tokens.
type knownLimits struct {
	Sender      string  `json:"sender"`
	BytesPerDay uint64  `json:"max_bytes_per_day"`
	Rate        float64 `json:"max_rate"`
}

func parseLimits(text []byte) (map[string]quota.Limits, error) {
	list, err := parseLines(text, ErrLimitsFile, func(line []byte) (l knownLimits, err error) {
		if err = strictjson.Unmarshal(line, &l); err == nil {
			err = message.CheckSender(l.Sender)
		}
		if err == nil && !ValidRate(l.Rate) {
			err = ErrLimitsFile
		}
		return l, err
	})
	limits := make(map[string]quota.Limits, len(list))
	for _, l := range list {
		limits[l.Sender] = quota.Limits{BytesPerDay: l.BytesPerDay, Rate: l.Rate}
	}
	return limits, err
}

// ValidRate reports whether a rate can be set; NaN cannot.
func ValidRate(r float64) bool { return r >= 0 && r <= mostRate }

// LimitsChange is what is to become of a sender's limits: nil leaves one as it is, zero
// takes it away.
type LimitsChange struct {
	BytesPerDay *uint64
	Rate        *float64
}

// Any reports whether anything changes.
func (c LimitsChange) Any() bool { return c.BytesPerDay != nil || c.Rate != nil }

func (c LimitsChange) of(l quota.Limits) quota.Limits {
	if c.BytesPerDay != nil {
		l.BytesPerDay = *c.BytesPerDay
	}
	if c.Rate != nil {
		l.Rate = *c.Rate
	}
	return l
}

// Limits returns the limits of a sender, as far as this State has seen: Check and every
// change look at the file.
func (s *State) Limits(sender string) quota.Limits {
	limits, _ := s.limits.snapshot()
	return limits[sender]
}

// AllLimits returns the limits of those senders that have some, as the file has them
// now. They are not to be changed.
func (s *State) AllLimits() (map[string]quota.Limits, error) {
	err := s.limits.refresh()
	limits, _ := s.limits.snapshot()
	return limits, err
}

// LimitsVersion returns another number after each change of limits that this State has
// seen, by whomever it was made.
func (s *State) LimitsVersion() uint64 {
	_, version := s.limits.snapshot()
	return version
}

// SetLimits changes the limits of a sender, and returns what they are now.
// ErrUnknownSender when the sender has neither tokens nor limits.
func (s *State) SetLimits(sender string, c LimitsChange) (now quota.Limits, err error) {
	err = s.locked(func() error {
		if err := errors.Join(s.tokens.refresh(), s.limits.refresh()); err != nil {
			return err
		}
		tokens, _ := s.tokens.snapshot()
		if count(tokens, sender) == 0 && s.Limits(sender) == (quota.Limits{}) {
			return ErrUnknownSender
		}
		now, err = s.writeLimits(sender, c)
		return err
	})
	return now, err
}

// limitNew is SetLimits for a sender who is about to get a token, with the state locked.
func (s *State) limitNew(sender string, c LimitsChange) error {
	if !c.Any() {
		return nil
	}
	if err := s.limits.refresh(); err != nil {
		return err
	}
	_, err := s.writeLimits(sender, c)
	return err
}

// writeLimits replaces the limits' file. The state is locked, and what is in the file is
// known.
func (s *State) writeLimits(sender string, c LimitsChange) (quota.Limits, error) {
	before, _ := s.limits.snapshot()
	limits := maps.Clone(before)
	if limits == nil {
		limits = make(map[string]quota.Limits)
	}
	now := c.of(limits[sender])
	if limits[sender] = now; now == (quota.Limits{}) {
		delete(limits, sender)
	}
	var text bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		line, err := json.Marshal(knownLimits{name, limits[name].BytesPerDay, limits[name].Rate})
		if err != nil {
			return now, fmt.Errorf("limits: %w", err)
		}
		text.Write(append(line, '\n'))
	}
	if err := s.write(limitsFile, text.Bytes()); err != nil {
		return now, fmt.Errorf("limits: %w", err)
	}
	return now, s.limits.refresh()
}
