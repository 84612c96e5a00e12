package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/intake"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/message"
)

// followEvery is how soon a change made by a command or in a file takes effect.
const followEvery = 500 * time.Millisecond

// follower brings to a running server what changes beside it: senders,
// identities and the operator's certificate.
type follower struct {
	st      *state.State
	in      *intake.Server
	metrics *intake.Metrics
	cert    *certificate // nil: the identity's is used
	asks    <-chan struct{}
	log     zerolog.Logger

	notices                  *notices
	senders, limits, signers uint64
	failed                   string // the last error, so that it is logged once
}

func newFollower(st *state.State, in *intake.Server, metrics *intake.Metrics, cert *certificate,
	asks <-chan struct{}, log zerolog.Logger) *follower {
	f := &follower{st: st, in: in, metrics: metrics, cert: cert, asks: asks, log: log, notices: newNotices(st, log),
		senders: st.SendersVersion(), limits: st.LimitsVersion(), signers: st.Signers()}
	f.nameSenders()
	return f
}

// nameSenders has the metrics name those who are known now. One who was added a moment ago may count
// among the others until then.
func (f *follower) nameSenders() { f.metrics.Know(append(f.st.Roster().Senders(), message.NoSender)) }

// run looks until ctx ends.
func (f *follower) run(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.look()
		case _, open := <-f.asks:
			if !open {
				f.asks = nil
				continue
			}
			f.reload()
		case <-ctx.Done():
			return
		}
	}
}

func (f *follower) look() {
	f.lookAtState()
	if f.cert != nil {
		f.cert.look()
	}
}

// reload looks because somebody asked for it, and says all that is wrong again.
func (f *follower) reload() {
	f.log.Info().Msg("SIGHUP: looking at senders, identities and certificate")
	f.failed = ""
	f.lookAtState()
	if f.cert != nil {
		f.cert.reload()
	}
}

func (f *follower) lookAtState() {
	f.complain(errors.Join(f.st.Check(), f.st.DropExpired(), f.st.KeepUsed()))
	if version := f.st.SendersVersion(); version != f.senders {
		f.senders = version
		f.notices.lookAtSenders()
		f.nameSenders()
		f.in.Recheck()
	}
	if version := f.st.LimitsVersion(); version != f.limits {
		f.limits = version
		f.notices.lookAtLimits()
	}
	if version := f.st.Signers(); version != f.signers {
		f.signers = version
		f.notices.lookAtIdentities(time.Now())
		f.tellIdentities()
	}
}

// tellIdentities logs who signs now. Only keys that are public are named.
func (f *follower) tellIdentities() {
	event := f.log.Info().Stringer("identities", f.st.Pins())
	for _, former := range f.st.Formers() {
		if former.Signs {
			event = event.Stringer("signs_too", former.Pin).Time("until", former.Until)
		}
	}
	event.Msg("identity in use: " + f.st.Identity().VerifierKey(receipt.Origin(f.st.LogbookID())))
}

// complain logs an error when it is another one than before.
func (f *follower) complain(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != f.failed {
		complaint(f.log, err).Msg("the state volume cannot be used; what was read of it before stays in force")
	}
	f.failed = text
}
