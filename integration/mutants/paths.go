package main

// paths are the mutants that let who may write into an outbox lead the client to
// where only its user comes, or take what a third user made.
func paths() []mutant {
	return in(outbox, outboxTests, []mutant{
		{name: "paths: everybody's directories are taken", file: "box.go",
			old: "return info.OursOr(b.owner)", new: "return true", suite: suite{run: "^TestNeighbourExchangesAClaimOfHis$"}},
		{name: "paths: a claim of a third user is taken", file: "box.go",
			old: "	info, err := d.Stat()\n	if err == nil && !b.trusts(info) {", new: "	_, err := d.Stat()\n	if false {", suite: suite{run: "^TestForeignClaim"}},
		{name: "paths: a third user says which logbook is ours", file: "box.go",
			old: "		info, err := durable.Stat(f)\n		if err == nil && !b.trusts(info) {", new: "		_, err := durable.Stat(f)\n		if false {", suite: suite{run: "^TestForeignLogbook"}},
		{name: "paths: a third user's lock is taken", file: "box.go",
			old: "	info, err := lock.Info()\n	if err == nil && !b.trusts(info) {", new: "	_, err = lock.Info()\n	if false {", suite: suite{run: "^TestForeignLock"}},
		{name: "paths: a planted hard link is sent", file: "box.go",
			old: "dir.Mode().Perm()&0o022 == 0 && ", new: "dir.IsDir() && ", suite: suite{run: "^TestPlantedHardLink"}},
		{name: "paths: the outbox's owner plants a hard link", file: "box.go",
			old: "b.owner == os.Geteuid() || b.owner == uid", new: "uid >= 0", suite: suite{run: "^TestHardLinkOfTheOutboxOwner$"}},
		{name: "paths: a hard link planted late is sent", file: "source.go",
			old: "if !offered {", new: "if false {", suite: suite{run: "^TestHardLinkPlantedLate"}},
		{name: "paths: every dot file in a claim is removed", file: "claim.go",
			old: "name == recordName || durable.IsTemp(name)", new: "strings.HasPrefix(name, \".\")", suite: suite{run: "^TestClearingRemovesOnlyOurs$"}},
		{name: "paths: a claim that was exchanged counts as sent", file: "finish.go",
			old: "if exchanged(to, name, c.dir) {", new: "if false {", suite: suite{run: "^TestNeighbourExchangesAClaimInHand$"}},
		{name: "paths: what was taken away at once was exchanged", file: "finish.go",
			old: "!errors.Is(err, fs.ErrNotExist) && !named", new: "err != fs.ErrInvalid && !named", suite: suite{run: "^TestTakenAwayAtOnce$"}},
		{name: "paths: a claim that was moved is taken", file: "takeover.go",
			old: "if !named(c.in, name, c.dir) {", new: "if false {", suite: suite{run: "^TestClaimIsMoved"}},
		{name: "paths: a replaced .sending is worked on", file: "places.go",
			old: "	if err := o.box.check(); err != nil {\n		return err\n	}\n", new: "", suite: suite{run: "^TestNeighbourExchangesSendingAtEachStep$|^TestBrokenPlaces"}},
		{name: "paths: the last move goes beneath a mount", file: "finish.go",
			old: "if err := o.intact(); err != nil {", new: "if err := error(nil); err != nil {", suite: suite{run: "^TestPlacesBreakWhileItIsSent$"}},
	})
}
