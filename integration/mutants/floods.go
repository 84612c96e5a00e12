package main

const floodsDir = "shared/logging/floods/"

// waits are the mutants that let a peer fill the log, or the server's memory,
// with what waits.
func waits() []mutant {
	list := in(floodsDir, "./shared/logging/floods", []mutant{
		{name: "log: every event has its line", file: "floods.go", suite: suite{run: "^TestSummedUp$"},
			old: "return s.count[e] <= Shown", new: "return true"},
		{name: "log: what was not shown is not told", file: "floods.go", suite: suite{run: "^TestSummedUp$"},
			old: "s.line(e, p.count[e]-Shown, p.length)", new: "_ = e"},
		{name: "log: sources without end are remembered", file: "floods.go", suite: suite{run: "^TestManySources$"},
			old: "!known && len(s.count) >= MaxSources", new: "known && len(s.count) < 0"},
	})
	list = append(list, in(intakeDir, intakeTests, []mutant{
		{name: "log: a line for each refusal", file: "arrival.go", suite: suite{run: "^TestRefusedNamesAreSummedUp$"},
			old: "if a.s.pass(zerolog.WarnLevel, what, r.code.String()) {", new: "if true {"},
		{name: "log: a line for each repeat", file: "arrival.go", suite: suite{run: "^TestRepeatsAreSummedUp$"},
			old: "a.facts.Repeat && !a.s.pass(", new: "a.facts.Repeat && false && !a.s.pass("},
		{name: "log: messages that are kept are summed up", file: "arrival.go", suite: suite{run: "^TestRepeatsAreSummedUp$"},
			old: "a.facts.Repeat && !a.s.pass(", new: "!a.s.pass("},
		{name: "log: a line for each end", file: "notes.go", suite: suite{run: "^TestConnectAndLeaveIsSummedUp$"},
			old: "if s.passOf(conn, level, what, reason) {", new: "if true {"},
		{name: "log: a line for each beginning", file: "notes.go", suite: suite{run: "^TestLogInsAreSummedUp$"},
			old: "if s.passOf(conn, zerolog.InfoLevel, what, \"\") {", new: "if true {"},
		{name: "answers: one sender is owed any number", file: "owed.go", suite: suite{run: "^TestOwedIsBounded$"},
			old: "ofSender > maxOwedToSender ||", new: "ofSender < 0 ||"},
		{name: "answers: all are owed any number", file: "owed.go", suite: suite{run: "^TestOwedIsBounded$"},
			old: "|| ofSender > maxOwed-all)", new: "|| all < 0)"},
		{name: "answers: who takes them is cut", file: "owed.go", suite: suite{run: "^TestOwedToEach$"},
			old: "own > fairOwed && ", new: "own > 0 && "},
		{name: "answers: what was written is owed on", file: "answers.go", suite: suite{run: "^TestOwedIsGivenBack$"},
			old: "		a.count(-len(batch))\n", new: ""},
		{name: "answers: those that each may have count", file: "answers.go", suite: suite{run: "^TestOwedLeavesOthers$"},
			old: "	return a.account.add(max(0, a.waiting-fairOwed)-before, a.waiting)\n", new: "	_ = before\n	return a.account.add(n, a.waiting)\n"},
		{name: "answers: the server's own time is the peer's", file: "drain.go", suite: suite{run: "^TestDrain$"},
			old: "	whole := now.Add(d.timeout - d.spent + ", new: "	whole := now.Add(-time.Hour + d.timeout - d.spent + "},
		{name: "answers: taken a byte at a time, for ever", file: "drain.go", suite: suite{run: "^TestDrain$"},
			old: "	if whole.Before(single) {\n", new: "	if false {\n"},
		{name: "answers: the kernel holds what it likes", file: "intake.go", suite: suite{run: "^TestSocketBuffersAreBounded$"},
			old: "			boundBuffers(conn)\n", new: ""},
	})...)
	return append(list, in(local, localTests, []mutant{
		{name: "queue: what is set aside does not count", file: "write.go", suite: suite{run: "^TestSetAsideIsBounded$"},
			old: "			l.queue.setAside(s)\n", new: ""},
		{name: "queue: one sender has all of it", file: "queue.go", suite: suite{run: "^TestSetAsideIsBounded$"},
			old: " || q.of[s.draft.Sender] > maxOfSender {", new: " {"},
		{name: "queue: open files do not count", file: "queue.go", suite: suite{run: "^TestSetAsideOfAllIsBounded$"},
			old: "		return smallFile + perMessage\n", new: "		return 0\n"},
	})...)
}
