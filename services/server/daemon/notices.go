package daemon

import (
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/quota"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/logging/trail"
)

// notices writes into the audit trail what others have changed in the state volume
// since the last look. What they changed while no server ran has no line here.
type notices struct {
	st  *state.State
	log zerolog.Logger

	roster     state.Roster
	limits     map[string]quota.Limits
	identities identities
}

func newNotices(st *state.State, log zerolog.Logger) *notices {
	limits, _ := st.AllLimits() // what cannot be read is as it was, and Check says why
	return &notices{st: st, log: log, roster: st.Roster(), limits: limits, identities: identitiesOf(st)}
}

func (n *notices) step(step trail.Step, by string) *zerolog.Event {
	return trail.Mark(n.log.Info(), step, by)
}

func (n *notices) lookAtSenders() {
	before := n.roster
	n.roster = n.st.Roster()
	for _, c := range n.roster.Since(before) {
		if c.Added > 0 {
			n.step(trail.SenderAdded, trail.ByStateVolume).Str("sender", c.Sender).Int("tokens", c.Added).
				Msg("a sender has a new token")
		}
		if c.Removed > 0 {
			n.step(trail.SenderRemoved, trail.ByStateVolume).Str("sender", c.Sender).Int("tokens", c.Removed).
				Msg("tokens of a sender are valid no more")
		}
	}
}

func (n *notices) lookAtLimits() {
	before := n.limits
	n.limits, _ = n.st.AllLimits()
	names := make(map[string]quota.Limits)
	maps.Copy(names, before)
	maps.Copy(names, n.limits)
	for _, sender := range slices.Sorted(maps.Keys(names)) {
		if now := n.limits[sender]; now != before[sender] {
			n.step(trail.SenderLimited, trail.ByStateVolume).Str("sender", sender).
				Uint64("max_bytes_per_day", now.BytesPerDay).Float64("max_rate", now.Rate).
				Msg("what a sender may send has changed")
		}
	}
}

// identities are the public keys of one moment. They are told apart by the keys: the
// logbook's id, which is in a pin too, may change.
type identities struct {
	current identity.Pin
	next    identity.Pin            // without a key: none
	signing map[string]state.Former // those that were replaced and sign, by their keys
}

func identitiesOf(st *state.State) identities {
	pins := st.Pins()
	ids := identities{current: pins[0], signing: make(map[string]state.Former)}
	if len(pins) > 1 {
		ids.next = pins[1]
	}
	for _, f := range st.Formers() {
		if f.Signs {
			ids.signing[string(f.Pin.Key)] = f
		}
	}
	return ids
}

func (n *notices) lookAtIdentities(now time.Time) {
	was, is := n.identities, identitiesOf(n.st)
	n.identities = is
	if !is.current.Key.Equal(was.current.Key) {
		n.step(trail.IdentitySwitched, trail.ByStateVolume).Stringer("identity", is.current).
			Stringer("former", was.current).Msg("the identity was replaced")
	}
	if was.next.Key != nil && !was.next.Key.Equal(is.next.Key) && !was.next.Key.Equal(is.current.Key) {
		n.step(trail.IdentityNextDiscarded, trail.ByStateVolume).Stringer("identity", was.next).
			Msg("the next identity was discarded")
	}
	if is.next.Key != nil && !is.next.Key.Equal(was.next.Key) {
		n.step(trail.IdentityNextMade, trail.ByStateVolume).Stringer("identity", is.next).Msg("a next identity was made")
	}
	n.lookAtFormers(was, is, now)
}

// lookAtFormers tells of identities that sign no more.
func (n *notices) lookAtFormers(was, is identities, now time.Time) {
	for key, f := range was.signing {
		if _, signs := is.signing[key]; signs {
			continue
		}
		by := trail.ByStateVolume
		if !now.Before(f.Until) {
			by = trail.ByDate
		}
		n.step(trail.IdentityRetired, by).Stringer("identity", f.Pin).Msg("a former identity signs no more")
	}
}
