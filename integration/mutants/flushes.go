package main

// flushes are the mutants that leave out one flush each.
func flushes() []mutant {
	list := []mutant{
		{name: "group: no flush of the file system", file: "flush.go",
			old: "	if err := l.vol.syncFS(); err != nil {\n		return err\n	}\n", new: ""},
		{name: "group: write-back errors not looked for", file: "flush.go",
			old: "if err := l.vol.written(s.file, s.name); err != nil {", new: "if err := error(nil); s == nil {"},
		{name: "group: no flush of each file", file: "flush.go",
			old: "return l.vol.sync(s.file, s.name)", new: "_ = s; return nil"},
		{name: "group: no flush of the names of files", file: "flush.go",
			old: "return l.vol.syncDir(stagingDir)", new: "return nil"},
		{name: "records: no flush", file: "records.go",
			old: "	if err := r.vol.sync(r.file, path); err != nil {\n		return err\n	}\n", new: ""},
		{name: "records: no flush of the name of fresh ones", file: "records.go",
			old: "return r.vol.syncDir(stagingDir)", new: "return nil"},
		{name: "checkpoint: no flush of the manifest", file: "finish.go",
			old: "if err := l.manifest.flush(l.flushFailed); err != nil {", new: "if err := error(nil); err != nil {"},
		{name: "checkpoint: a failed flush is only repeated", file: "finish.go",
			old: "l.manifest.flush(l.flushFailed)", new: "l.manifest.flush(false)"},
		{name: "checkpoint: no flush of names", file: "finish.go",
			old: "if err := l.flushNames(); err != nil {", new: "if err := error(nil); err != nil {"},
		{name: "recovery: no flush of the manifest", file: "recover.go",
			old: "errors.Join(l.manifest.flush(false), l.tree.flush())", new: "l.tree.flush()"},
		{name: "recovery: no flush of names", file: "recover.go",
			old: "if err := l.flushNames(); err != nil {", new: "if err := error(nil); err != nil {"},
		{name: "names: no flush of logs", file: "finish.go",
			old: "errors.Join(l.vol.syncDir(logsDir), l.vol.syncDir(stagingDir))", new: "l.vol.syncDir(stagingDir)"},
		{name: "names: no flush of staging", file: "finish.go",
			old: "errors.Join(l.vol.syncDir(logsDir), l.vol.syncDir(stagingDir))", new: "l.vol.syncDir(logsDir)"},
		{name: "checkpoint: no flush of the tree", file: "finish.go",
			old: "if err := l.tree.flush(); err != nil {", new: "if err := error(nil); err != nil {"},
		{name: "recovery: no flush of the tree", file: "recover.go",
			old: "errors.Join(l.manifest.flush(false), l.tree.flush())", new: "l.manifest.flush(false)"},
		{name: "id, checkpoint beside the manifest: no flush", file: "volume.go",
			old: "err = v.sync(f, fresh)", new: "err = nil"},
		{name: "id: no flush of its name", file: "volume.go",
			old: "return v.syncDir(stagingDir)", new: "return nil"},
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

// by names the tests that notice mutants.
func by(run string, list []mutant) []mutant {
	for i := range list {
		list[i].run = run
	}
	return list
}
