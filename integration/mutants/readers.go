package main

// readers are the mutants that let who may write where the driver or the set-up
// works have them follow, show, change or give away something else.
func readers() []mutant {
	var list []mutant
	for _, part := range [][]mutant{
		in(collector, collectorTests, planted()), in("shared/durable/", "./shared/durable", shown()),
		in("services/server/setup/", "./services/server/setup", setUp()), looking(),
	} {
		list = append(list, part...)
	}
	return list
}

// planted are those of the output directory.
func planted() []mutant {
	return []mutant{
		{name: "planted: a manifest of two names is cut", file: "output.go", suite: suite{run: "^TestPlantedManifest$"},
			old: " || info.Links() != 1", new: ""},
		{name: "planted: a neighbour's manifest is cut", file: "output.go", suite: suite{run: "^TestPlantedManifest$"},
			old: "return info.OursOr(o.uid)", new: "return true"},
		{name: "planted: a neighbour's log file is taken for the server's", file: "file.go", suite: suite{run: "^TestNeighboursLogFileIsNotTaken$"},
			old: "	if !c.trusts(info) {\n", new: "	if false {\n"},
		{name: "planted: a neighbour says what is owed", file: "output.go", suite: suite{run: "^TestNeighboursWordIsNotTaken$"},
			old: "		_, err := o.plain(f)\n		return err\n", new: "		return nil\n"},
		{name: "planted: a part that others may write is gone on with", file: "output.go", suite: suite{run: "^TestPlantedPartIsNotResumed$"},
			old: "err == nil && info.Mode().Perm() == fileMode {", new: "_ = info; err == nil {"},
		{name: "planted: whatever begins with zeros is cut", file: "kept.go", suite: suite{run: "^TestPlanted$"},
			old: "int64(zeros) == total", new: "zeros > 0 && total > 0"},
		{name: "planted: lines have a name before they were checked", file: "fresh.go", suite: suite{run: "^TestBytesBeforeTheirCheck$"},
			old: "c.Unnamed()", new: "c.make(\".manifest.jsonl.new\", 0o600)"},
		{name: "planted: an item is whatever has its name", file: "collector.go", suite: suite{run: "^TestItemIsTheFileThatWasChecked$"},
			old: "!info.Same(i.checked)", new: "info.Links() > 9"},
	}
}

// shown are those of a file that gets its name.
func shown() []mutant {
	return []mutant{
		{name: "show: what was exchanged before is shown", file: "show.go", suite: suite{run: "^TestShow$"},
			old: "	if err := d.isFile(f, name); err != nil {\n		return err\n	}\n	err := d", new: "	err := d"},
		{name: "show: what was exchanged meanwhile counts", file: "show.go", suite: suite{run: "^TestShow$"},
			old: "!errors.Is(err, fs.ErrNotExist) {\n		return err", new: "errors.Is(err, fs.ErrInvalid) {\n		return err"},
		{name: "show: a file is replaced", file: "show.go", suite: suite{run: "^TestShow$"},
			old: "d.ops.rename(d, name, d, newName, renameNew)", new: "d.ops.rename(d, name, d, newName, unix.Renameat)"},
	}
}

// setUp are those of the set-up, which is root.
func setUp() []mutant {
	return []mutant{
		{name: "set-up: another's file is handed out", file: "volumes.go", suite: suite{run: "^TestPlantedSecretIsNotHandedOut$"},
			old: "err == nil && info.Links() != 1", new: "err == nil && info.Links() < 1"},
		{name: "set-up: another's file is given away", file: "volumes.go", suite: suite{run: "^TestPlantedStateIsNotGivenAway$"},
			old: "err == nil && info.Links() != 1", new: "err == nil && info.Links() < 1"},
	}
}

// looking are those of who looks at an outbox or a state.
func looking() []mutant {
	list := in("services/driver/outbox/", "./services/driver/outbox", []mutant{
		{name: "outbox: the driver follows a link to what is refused", file: "receipts.go", suite: suite{run: "^TestPlantedInTheOutbox$"},
			old: "	d, err := parent.Sub(name)\n", new: "	d, err := durable.OpenDir(filepath.Join(parent.Path(), name))\n"},
		{name: "outbox: the driver follows a link to what is being sent", file: "outbox.go", suite: suite{run: "^TestPlantedWaiting$"},
			old: "	sub, err := dir.Sub(name)\n", new: "	sub, err := durable.OpenDir(dir.Path() + \"/\" + name)\n"},
	})
	list = append(list, mutant{name: "set-up: another's file is given away as a lock", file: "shared/durable/rights.go",
		old: "if info.Links() > 1 {", new: "if info.Links() > 9 {",
		suite: suite{tests: "./services/server/setup", run: "^TestPlantedStateIsNotGivenAway$"}})
	return append(list, in("services/server/state/", "./services/server/state", []mutant{
		{name: "state: a link is followed", file: "reload.go", suite: suite{run: "^TestPlantedInTheState$"},
			old: "	return d.Open(filepath.Base(path), os.O_RDONLY, 0)\n", new: "	return os.Open(path)\n"},
	})...)
}
