package main

// flushes are the mutants that leave out one flush each.
func flushes() []mutant {
	list := []mutant{
		{name: "group: no flush of the file system", file: "flush.go", suite: suite{run: "^TestPowerCutEverywhere$/^flushed_together$"},
			old: "	if err := l.vol.syncFS(); err != nil {\n		return err\n	}\n", new: ""},
		{name: "group: write-back errors not looked for", file: "flush.go", suite: suite{run: "^TestWriteBackError$"},
			old: "if err := l.vol.written(s.file, s.name); err != nil {", new: "if err := error(nil); s == nil {"},
		{name: "group: no flush of each file", file: "flush.go", suite: suite{run: "^TestPowerCutEverywhere$/^flushed_each$"},
			old: "return l.vol.sync(s.file, s.name)", new: "_ = s; return nil"},
		{name: "group: no flush of the names of files", file: "flush.go", suite: suite{run: "^TestPowerCutEverywhere$/^flushed_each$"},
			old: "return l.vol.syncDir(stagingDir)", new: "return nil"},
		{name: "records: no flush", file: "records.go", suite: suite{run: "^TestPowerCutEverywhere$/^flushed_together$"},
			old: "	if err := r.vol.syncData(r.file, path); err != nil {\n		return err\n	}\n", new: ""},
		{name: "records: no flush of the name of fresh ones", file: "records.go", suite: suite{run: "^TestPowerCutAtCheckpoints$/^flushes_fail$"},
			old: "return r.vol.syncDir(stagingDir)", new: "return nil"},
		{name: "checkpoint: no flush of the manifest", file: "finish.go", suite: suite{run: "^TestPowerCutAtCheckpoints$/^flushed_each$"},
			old: "if err := l.manifest.flush(l.flushFailed); err != nil {", new: "if err := error(nil); err != nil {"},
		{name: "checkpoint: a failed flush is only repeated", file: "finish.go", suite: suite{run: "^TestPowerCutAtCheckpoints$/^flushes_fail$"},
			old: "l.manifest.flush(l.flushFailed)", new: "l.manifest.flush(false)"},
		{name: "checkpoint: no flush of names", file: "finish.go", suite: suite{run: "^TestPowerCutAtCheckpoints$/^flushed_each$"},
			old: "if err := l.flushNames(); err != nil {", new: "if err := error(nil); err != nil {"},
		{name: "recovery: no flush of the manifest", file: "recover.go", suite: suite{run: "^TestPowerCutInRecovery$/^flushed_each$"},
			old: "errors.Join(l.manifest.flush(false), l.tree.flush())", new: "errors.Join(l.tree.flush())"},
		{name: "recovery: no flush of names", file: "recover.go", suite: suite{run: "^TestPowerCutInRecovery$/^flushed_each$"},
			old: "if err := l.flushNames(); err != nil {", new: "if err := error(nil); err != nil {"},
		{name: "names: no flush of logs", file: "finish.go", suite: suite{run: "^TestPowerCutAtCheckpoints$/^flushed_each$"},
			old: "errors.Join(l.vol.syncDir(logsDir), l.vol.syncDir(stagingDir))", new: "l.vol.syncDir(stagingDir)"},
		{name: "names: no flush of staging", file: "finish.go", suite: suite{run: "^TestPowerCutAtCheckpoints$/^flushed_each$"},
			old: "errors.Join(l.vol.syncDir(logsDir), l.vol.syncDir(stagingDir))", new: "l.vol.syncDir(logsDir)"},
		{name: "first start: no flush of the directories", file: "volume.go", suite: suite{run: "^TestPowerCutEverywhere$/^first_start$"},
			old: "return v.syncDir(\"\")", new: "return nil"},
		{name: "checkpoint: no flush of the tree", file: "finish.go", suite: suite{run: "^TestPowerCutAtCheckpoints$/^flushed_each$"},
			old: "if err := l.tree.flush(); err != nil {", new: "if err := error(nil); err != nil {"},
		{name: "recovery: no flush of the tree", file: "recover.go", suite: suite{run: "^TestPowerCutInRecovery$/^flushed_each$"},
			old: "errors.Join(l.manifest.flush(false), l.tree.flush())", new: "errors.Join(l.manifest.flush(false))"},
		{name: "id, checkpoint beside the manifest: no flush", file: "volume.go", suite: suite{run: "^TestPowerCutEverywhere$/^first_start$"},
			old: "err = v.sync(f, fresh)", new: "err = nil"},
	}
	return in(local, localTests, list)
}

// in completes mutants of one package.
func in(dir, tests string, list []mutant) []mutant {
	for i := range list {
		list[i].file = dir + list[i].file
		if list[i].tests == "" {
			list[i].tests = tests
		}
	}
	return list
}

// only names the tests that are to notice the mutants of list.
func only(run string, list []mutant) []mutant {
	for i := range list {
		list[i].run = run
	}
	return list
}
