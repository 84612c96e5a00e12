package main

// singles are the mutants that let a message in twice, or lose its answer.
func singles() []mutant {
	return in(local, localTests, []mutant{
		{name: "repeat: not looked up before the commit", file: "write.go", suite: suite{run: "^TestRepeatsInAGroup$"},
			old: "case found && facts.Matches(s.draft):", new: "case false:"},
		{name: "repeat: two in one group", file: "write.go", suite: suite{run: "^TestRepeatsInAGroup$"},
			old: "case l.busy[key], len(fresh)", new: "case len(fresh)"},
		{name: "repeat: other content under the same id", file: "write.go", suite: suite{run: "^TestConflictInAGroup$"},
			old: "case found && facts.Matches(s.draft):", new: "case found:"},
		{name: "index: what recovery replays is not in it", file: "recover.go", suite: suite{run: "^TestPowerCutEverywhere$/^flushed_each$"},
			old: "		l.index.add(e.Sender, e.ID, places[i])\n", new: "		_, _ = e, places\n"},
		{name: "index: what is being written is not found", file: "index.go", suite: suite{run: "^TestIndexWhileItIsWritten$"},
			old: "{x.recent, x.frozen}", new: "{x.recent}"},
		{name: "index: one that is ahead of the manifest is used", file: "mend.go", suite: suite{run: "^TestPowerCutEverywhere$/^flushed_together$"},
			old: "if covered.lines > flushed {", new: "if false {"},
		{name: "index: one of another manifest is used", file: "mend.go", suite: suite{run: "^TestIndexIsMadeAnew$/^of_another_logbook$"},
			old: "return covered, m.holds(covered, a)", new: "_ = a\n	return covered, nil"},
		{name: "index: not made anew after a failed write", file: "health.go", suite: suite{run: "^TestIndexWriteFails$"},
			old: "if err := l.index.mend(l.manifest); err != nil {", new: "if err := error(nil); err != nil {"},
		{name: "repeat: ids of a group that failed stay taken", file: "write.go", suite: suite{run: "^TestIDsComeFree$"},
			old: "	l.forget(group)\n	fail(group, err)\n", new: "	fail(group, err)\n"},
		{name: "index: what was looked for in vain stays absent", file: "index.go", suite: suite{run: "^TestAbsentUntilAdded$"},
			old: "	delete(x.absent, key)\n", new: ""},
		{name: "index: absent, though added meanwhile", file: "index.go", suite: suite{run: "^TestAbsentMeanwhile$"},
			old: "	if added != x.added {\n		return\n	}\n", new: "	_ = added\n"},
		{name: "proof: another subtree", file: "proof.go", suite: suite{run: "^TestTree$"},
			old: "bits.Len64(n-1) - 1", new: "bits.Len64(n) - 1"},
		{name: "queue: no bound", file: "queue.go", suite: suite{run: "^TestQueueIsBounded$"},
			old: "if q.held > maxQueued || ", new: "if "},
		{name: "content: its digest is not compared", file: "staged.go", suite: suite{run: "^TestContract$"},
			old: "got != s.draft.SHA256", new: "false"},
		{name: "content: its size is not compared", file: "staged.go", suite: suite{run: "^TestContract$"},
			old: "s.plain != s.draft.Size || s.ciphertext != s.draft.EncryptedSize", new: "false"},
	})
}
