package state

import (
	"maps"
	"slices"
)

// Roster is which tokens there were at one moment.
type Roster struct{ tokens []knownToken }

// Roster returns the tokens as this State has seen them last.
func (s *State) Roster() Roster {
	tokens, _ := s.tokens.snapshot()
	return Roster{tokens}
}

// Senders returns whose the tokens are, those who were there first before others.
func (r Roster) Senders() (names []string) {
	seen := make(map[string]bool)
	for _, t := range r.tokens {
		if !seen[t.Sender] {
			seen[t.Sender] = true
			names = append(names, t.Sender)
		}
	}
	return names
}

// Change is how many tokens a sender got and lost.
type Change struct {
	Sender         string
	Added, Removed int
}

// Since returns what differs from an earlier moment, by the senders' names.
func (r Roster) Since(before Roster) []Change {
	changes := map[string]Change{}
	for _, name := range r.without(before) {
		c := changes[name]
		changes[name] = Change{name, c.Added + 1, c.Removed}
	}
	for _, name := range before.without(r) {
		c := changes[name]
		changes[name] = Change{name, c.Added, c.Removed + 1}
	}
	var list []Change
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		list = append(list, changes[name])
	}
	return list
}

// without returns whose the tokens are that other has not.
func (r Roster) without(other Roster) (senders []string) {
	there := make(map[digest]bool, len(other.tokens))
	for _, t := range other.tokens {
		there[t.SHA256] = true
	}
	for _, t := range r.tokens {
		if !there[t.SHA256] {
			senders = append(senders, t.Sender)
		}
	}
	return senders
}
