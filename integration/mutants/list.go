package main

// all lists every mutant.
func all() []mutant {
	var list []mutant
	for _, part := range [][]mutant{
		flushes(), orders(), singles(), locks(), leaves(), files(), outboxes(), durables(), proofs(), identities(),
		attacks(), bothVolumes(), proxied(), modes(), slips(), rooms(), descriptors(), readers(), paths(), waits(), words(), calls(),
	} {
		list = append(list, part...)
	}
	return list
}

const (
	local      = "services/server/logbook/local/"
	localTests = "./services/server/logbook/local"
)
