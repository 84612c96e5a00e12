package main

// rooms are the mutants that let some keep the room from all others.
func rooms() []mutant {
	list := in(local, localTests, []mutant{
		{name: "room: none is kept free", file: "space.go", suite: suite{run: "^TestRoomIsKeptFree$"},
			old: "s.since+s.promised+headroom", new: "s.since+s.promised"},
		{name: "room: promised bytes stay so when they are written", file: "space.go", suite: suite{run: "^TestRoomIsCountedOnce$"},
			old: "	c.space.promised -= n\n	c.space.since += n\n", new: "	c.space.since += n\n"},
		{name: "room: what is written is not counted until the next look", file: "space.go", suite: suite{run: "^TestRoomIsCountedOnce$"},
			old: "	c.space.since += n\n", new: ""},
		{name: "room: what is written counts twice after the next look", file: "space.go", suite: suite{run: "^TestRoomIsCountedOnce$"},
			old: "	if fresh {\n", new: "	if false && fresh {\n"},
		{name: "room: promised whole, before the bytes", file: "space.go", suite: suite{run: "^TestOneSenderStarvesNobody$/^most"},
			old: "s.promise(c, min(most, RoomStep))", new: "s.promise(c, most)"},
		{name: "room: no share", file: "space.go", suite: suite{run: "^TestRoomIsLeft$"},
			old: "case float64(own+n) > s.mayHold(left-n, n):", new: "case false:"},
		{name: "room: a share of what is left, however little that is", file: "space.go", suite: suite{run: "^TestRoomIsLeft$"},
			old: "return share * float64(left) * (float64(left) / all)", new: "_ = all\n	return share * float64(left)"},
		{name: "room: refused by an old look", file: "space.go", suite: suite{run: "^TestRefusedByAFreshLook$"},
			old: "		s.free.forget()\n", new: ""},
		{name: "room: no third more for the others", file: "space.go", suite: suite{run: "^TestOneAloneGetsNearlyAll$"},
			old: "s.limit/3+blockSize", new: "0"},
		{name: "group: a failed one's ids are all in the next", file: "write.go", suite: suite{run: "^TestGroupAfterAFailedOneFits$"},
			old: ", len(fresh) >= most:", new: ":"},
		{name: "room: hurried for nobody", file: "space.go", suite: suite{run: "^TestScarceRoomIsHurried$"},
			old: " || !c.space.wanted(c.sender) {", new: " {"},
		{name: "room: nobody is hurried", file: "space.go", suite: suite{run: "^TestScarceRoomIsHurried$"},
			old: "err != nil || c.space.of[c.sender] <= left", new: "err != nil || left < 1<<63"},
		{name: "room: a scratch takes none", file: "scratch.go", suite: suite{run: "^TestScratchTakesRoom$"},
			old: "	if err := s.room.want(uint64(len(p))); err != nil {\n		return 0, err\n	}\n", new: ""},
		{name: "room: not given back", file: "staged.go", suite: suite{run: "^TestFilesComeFree$"},
			old: "	s.room.end()\n", new: ""},
	})
	return append(list, in(intakeDir, intakeTests, []mutant{
		{name: "rate: not by the room that is held", file: "limits.go", suite: suite{run: "^TestTooSlowForItsRoom$"},
			old: "return max(p.limits.MinRate, p.leastRate())", new: "return p.limits.MinRate"},
		{name: "rate: not by the scratch that is held", file: "session2012.go", suite: suite{run: "^TestTooSlowForItsRoom$/^2012$"},
			old: "	s.in.pace.leastRate = spool.leastRate\n", new: ""},
	})...)
}

// descriptors are the mutants that let a crowd take what the logbook needs.
func descriptors() []mutant {
	list := in(local, localTests, []mutant{
		{name: "files: not counted", file: "files.go", suite: suite{run: "^TestFilesAreShared$"},
			old: "left < 1 || own > 0 && own >= left", new: "own+left < 0"},
		{name: "files: one sender takes all", file: "files.go", suite: suite{run: "^TestFilesAreShared$"},
			old: "left < 1 || own > 0 && own >= left", new: "left < 1 || own < 0"},
		{name: "files: not given back", file: "staged.go", suite: suite{run: "^TestFilesComeFree$"},
			old: "		s.l.files.give(s.draft.Sender)\n", new: ""},
		{name: "files: a group of any size", file: "files.go", suite: suite{run: "^TestManySmallMessagesFitTheDescriptors$"},
			old: "max(1, min(maxGroup, descriptors/4))", new: "maxGroup + 0*descriptors"},
	})
	return append(list, in(daemonDir, daemonTests, []mutant{
		{name: "descriptors: connections may take all", file: "descriptors.go", suite: suite{run: "^TestAllot$"},
			old: "	l.Connections = connections\n", new: "	_ = connections\n"},
		{name: "descriptors: one address may take all", file: "descriptors.go", suite: suite{run: "^TestAllot$"},
			old: "	l.ConnectionsPerAddress = max(1, l.ConnectionsPerAddress*connections/l.Connections)\n", new: ""},
		{name: "descriptors: green without a reserve", file: "descriptors.go", suite: suite{tests: faultsTests, run: "^TestCrowdAtTheDescriptors$"},
			old: "err == nil && open+spareDescriptors > limit", new: "err == nil && open > 2*limit"},
		{name: "descriptors: any number for the admin port", file: "places.go", suite: suite{run: "^TestPlaces$"},
			old: "	case p.taken <- struct{}{}:\n", new: "	default:\n"},
	})...)
}
