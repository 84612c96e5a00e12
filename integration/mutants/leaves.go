package main

const (
	collector      = "services/driver/collector/"
	collectorTests = "./services/driver/collector"
	standby        = "services/server/logbook/standby/"
	standbyTests   = "./services/server/logbook/standby"
)

// leaves are the mutants in which a flush is announced and not made.
func leaves() []mutant {
	return in(local, localTests, only("^TestFlushesAreReal$", []mutant{
		{name: "flush: of a file, announced only", file: "volume.go",
			old: "return f.Sync()", new: "return nil"},
		{name: "flush: of names, announced only", file: "volume.go",
			old: "err = d.Sync()", new: "err = nil"},
		{name: "flush: of the file system, announced only", file: "volume.go",
			old: "return os.NewSyscallError(\"syncfs\", unix.Syncfs(int(v.root.Fd())))", new: "return nil"},
		{name: "flush: write-back errors, announced only", file: "volume.go",
			old: "return os.NewSyscallError(\"sync_file_range\", err)", new: "_ = err\n	return nil"},
	}))
}

// files are those of a collector's directory and of a server's state.
func files() []mutant {
	const powerCut = "^TestPowerCutEverywhere$"
	list := in(collector, collectorTests, only(powerCut, []mutant{
		{name: "collector: no flush of a log file", file: "file.go",
			old: "return local(f.Sync())", new: "return nil"},
		{name: "collector: no flush of log files' names", file: "kept.go",
			old: "if err := k.Sync(); err", new: "if err := error(nil); err"},
		{name: "collector: no flush of the kept lines", file: "kept.go",
			old: "	if err == nil {\n		err = k.file.Sync()\n	}\n", new: ""},
		{name: "collector: a name before the file is whole", file: "file.go",
			old: "	if err := c.fill(s, f, item.Entry); err != nil {\n		return err\n	}\n	return c.show(f, part, item)\n",
			new: "	if err := c.show(f, part, item); err != nil {\n		return err\n	}\n	return c.fill(s, f, item.Entry)\n"},
	}))
	list = append(list, in(stateDir, stateTests, only(powerCut, []mutant{
		{name: "state: no flush", file: "files.go",
			old: "return d.WriteFile(name, data, fileMode, heir)",
			new: "_ = heir\n	return os.WriteFile(s.path(name), data, fileMode)"},
	}))...)
	return append(list, in(stateDir, stateTests, only("^(TestConcurrentChanges|TestManyOpenAtOnce)$", []mutant{
		{name: "state: changes at the same time", file: "files.go",
			old: "d.Lock(lockFile)", new: "d.Lock(lockFile + NewLogbookID())"},
	}))...)
}

// locks are those that let two servers write, or keep the second from taking over.
func locks() []mutant {
	list := in(local, localTests, []mutant{
		{name: "lock: a second server gets in", file: "local.go", suite: suite{run: "^TestSecondServerIsKeptOut$"},
			old: "durable.TryLock(v.staging(lockName))", new: "durable.TryLock(v.staging(stagedName()[8:]))"},
	})
	return append(list, in(standby, standbyTests, only("^TestTakeOver$", []mutant{
		{name: "standby: it tries once", file: "standby.go",
			old: "			if l.try() {\n				return\n			}\n", new: ""},
		{name: "standby: ready without a logbook", file: "standby.go",
			old: "	if book == nil {\n		return err\n	}\n	return book.Ready()", new: "	if _ = err; book == nil {\n		return nil\n	}\n	return book.Ready()"},
	}))...)
}
