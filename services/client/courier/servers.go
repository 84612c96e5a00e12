package courier

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/dial"
	"sealpost/shared/message"
)

// lastFailed returns the target behind which the next one is looked for.
func (c *Courier) lastFailed() dial.Target {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// use has messages go out on a session instead of another one: nil is any. It reports
// whether that was still in use. passed are the addresses that were of no use, first is
// true where no connection was before this one.
func (c *Courier) use(s, instead *session, passed []dial.Failure, first bool) bool {
	c.mu.Lock()
	if instead != nil && c.current != instead {
		c.mu.Unlock()
		return false
	}
	other := c.at != s.target.Address
	c.current, c.at, c.failed = s, s.target.Address, dial.Target{}
	c.mu.Unlock()
	level, text := zerolog.DebugLevel, "connected to server" // one connection after another is no news
	switch {
	case other && s.target.Rank > 0:
		level, text = zerolog.WarnLevel, "connected to another server than the first"
	case first || other:
		level = zerolog.InfoLevel
	}
	event := c.cfg.Log.WithLevel(level).Stringer("server", s.target).Str("logbook", s.welcome.LogbookID)
	if len(passed) > 0 {
		event = event.Str("reason", reasons(passed))
	}
	event.Msg(text)
	return true
}

// mostVain bounds how often the pause before the way back doubles.
const mostVain = 5

// backPause is how long a session is kept before a way back is looked for. Who has
// logged in may still be told that this server stands by, so it grows each time.
func (c *Courier) backPause() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg.Return << min(c.vain, mostVain)
}

// leftAfter notes the end of a session by which messages had come back. mu is held.
func (c *Courier) leftAfter(s *session) {
	switch {
	case !s.back:
	case s.took():
		c.vain = 0
	default:
		c.vain++
	}
}

// comeBack looks, as long as a session is in use, for a server that is listed before
// its own, and has messages go there.
func (c *Courier) comeBack(s *session) {
	for {
		pause := c.backPause()
		select {
		case <-time.After(pause + rand.N(pause/2)):
		case <-s.ctx.Done():
			return
		}
		before, _, err := c.connect(s.ctx, c.cfg.Servers[:s.target.Rank], dial.Target{})
		if err == nil {
			c.goBack(s, before)
			return
		}
		if lasting(err) {
			c.mu.Lock()
			c.vain++
			c.mu.Unlock()
		}
		c.cfg.Log.Debug().Err(err).Msg("no server that is listed before is ready")
	}
}

// goBack has messages go out on another session instead of s, unless they do no more.
func (c *Courier) goBack(s, before *session) {
	before.back = true
	if !c.use(before, s, nil, true) {
		s = before
	}
	s.retire()
}

// unreachedError means that one address at least may be of use later.
type unreachedError struct {
	failures []dial.Failure
	passing  []error
}

func (e *unreachedError) Error() string { return (&dial.Error{Failures: e.failures}).Error() }

// Unwrap leaves out what is lasting: it is so for one of the servers alone.
func (e *unreachedError) Unwrap() []error { return e.passing }

// unreached makes one error of those of several addresses: a lasting one where each of
// them is.
func unreached(err error) error {
	var all *dial.Error
	if !errors.As(err, &all) {
		return err
	}
	e := &unreachedError{failures: all.Failures}
	for _, f := range all.Failures {
		if !lasting(f.Err) {
			e.passing = append(e.passing, f.Err)
		}
	}
	if len(all.Failures) == 1 || len(e.passing) == 0 {
		return all.Failures[0].Err
	}
	return e
}

// mostAddresses bounds how many addresses are named.
const mostAddresses = 8

// reasons says why addresses were of no use, each by its name where they differ. They
// come in the order of the list, so that the same is said each time.
func reasons(failures []dial.Failure) string {
	failures = slices.SortedFunc(slices.Values(failures), func(a, b dial.Failure) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.At, b.At))
	})
	same := true
	var texts []string
	for _, f := range failures {
		same = same && Reason(f.Err) == Reason(failures[0].Err)
		texts = append(texts, message.Visible(f.Target.String())+": "+Reason(f.Err))
	}
	if same && len(failures) > 0 {
		return Reason(failures[0].Err)
	}
	if more := len(texts) - mostAddresses; more > 0 {
		texts = append(texts[:mostAddresses], fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, "; ")
}
