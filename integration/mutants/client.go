package main

const (
	outbox       = "services/client/outbox/"
	outboxTests  = "./services/client/outbox"
	durable      = "shared/durable/"
	durableTests = "./shared/durable"
)

// outboxes are the mutants that let a client's outbox lose a message, or send it
// twice.
func outboxes() []mutant {
	list := in(outbox, outboxTests, only("^TestPowerCutEverywhere$", []mutant{
		{name: "outbox: no flush of a message before its record", file: "source.go",
			old: "return size, sum, f.Sync()", new: "return size, sum, nil"},
		{name: "outbox: no flush of a record", file: "record.go",
			old: "	return dir.WriteFile(recordName, append(text, '\\n'), fileMode, heir)", new: "	f, err := dir.Create(recordName, fileMode, heir)\n	if err == nil {\n		_, err = f.Write(append(text, '\\n'))\n	}\n	return err"},
		{name: "outbox: no flush of a claim's name", file: "settle.go",
			old: "[]*durable.Dir{c.in, o.box.root}", new: "[]*durable.Dir{o.box.root}"},
		{name: "outbox: no flush of where a message came from", file: "settle.go",
			old: "[]*durable.Dir{c.in, o.box.root}", new: "[]*durable.Dir{c.in}"},
		{name: "outbox: no anchor before it is offered", file: "settle.go",
			old: "return rec, o.anchor(c)", new: "return rec, nil"},
		{name: "outbox: no anchor before it is refused", file: "finish.go",
			old: "err := o.anchor(c)", new: "err := error(nil)"},
		{name: "outbox: no flush of a receipt", file: "finish.go",
			old: "c.dir.WriteFile(receiptName(c.name), d.Receipt, fileMode, o.box.heir)", new: "func() error {\n		_ = c.dir.Remove(receiptName(c.name))\n		f, err := c.dir.Create(receiptName(c.name), fileMode, o.box.heir)\n		if err == nil {\n			_, err = f.Write(d.Receipt)\n		}\n		return err\n	}()"},
		{name: "outbox: no flush of a reason", file: "finish.go",
			old: "c.dir.WriteFile(reasonName(c.name), []byte(text), fileMode, o.box.heir)", new: "func() error {\n		_ = c.dir.Remove(reasonName(c.name))\n		f, err := c.dir.Create(reasonName(c.name), fileMode, o.box.heir)\n		if err == nil {\n			_, err = f.Write([]byte(text))\n		}\n		return err\n	}()"},
		{name: "outbox: no flush of the last move", file: "finish.go",
			old: "c.in.Rename(name, to, name)", new: "c.in.RenameOnly(name, to, name)"},
		{name: "outbox: no flush of the logbook's id", file: "logbook.go",
			old: "b.root.WriteFile(logbookName, []byte(id+\"\\n\"), fileMode, b.heir)", new: "func() error {\n		_ = b.root.Remove(logbookName)\n		f, err := b.root.Create(logbookName, fileMode, b.heir)\n		if err == nil {\n			_, err = f.Write([]byte(id + \"\\n\"))\n		}\n		return err\n	}()"},
	}))
	list = append(list, in(outbox, outboxTests, stuckMessages())...)
	list = append(list, mutant{name: "courier: a message that ends connections is kept", file: "services/client/courier/postpone.go",
		old: "|| a.broken >= maxBroken", new: "&& a.broken > 0", suite: suite{tests: "./services/client/courier", run: "^TestPostponedWhere"}})
	return append(list, in(outbox, outboxTests, only("^TestStepsAreAllThereAre$", []mutant{
		{name: "outbox: moved before its receipt is there", file: "finish.go",
			old: "	if err := c.dir.WriteFile(", new: "	if err := o.moveTo(c, sentDir); err != nil {\n		return storage{err}\n	}\n	if err := c.dir.WriteFile("},
		{name: "outbox: offered before it is anchored", file: "settle.go",
			old: "	if err == nil {\n		logbook, err = o.checkLogbook(ctx)\n", new: "	if err == nil {\n		_, _ = o.Deliver(ctx, o.message(c, rec, logbook))\n		logbook, err = o.checkLogbook(ctx)\n"},
	}))...)
}

// stuckMessages are the mutants that let one message, or one thing in an outbox,
// hold others up, or that go on where a message has no place to end.
func stuckMessages() []mutant {
	return []mutant{
		{name: "outbox: the courier keeps what the server does not take for now", file: "settle.go",
			old: "Postpone: true, ", new: "Postpone: false,", suite: suite{run: "^TestReasonIsNamed"}},
		{name: "outbox: a message is named at every try", file: "schedule.go",
			old: "news = !known || w.Err.Error() != left.Err.Error()", new: "news = true", suite: suite{run: "^TestReasonIsNamed"}},
		{name: "outbox: mounts of one file system are taken for one", file: "places.go",
			old: "errors.Is(from.RenameOnly(nothing, to, nothing), syscall.EXDEV)", new: "from.RenameOnly(nothing, to, nothing) == syscall.EXDEV", suite: suite{run: "^TestBrokenPlaces"}},
		{name: "outbox: links are followed to sent", file: "places.go",
			old: "case !info.IsDir():", new: "case info.Mode().IsRegular():", suite: suite{run: "^TestBrokenPlaces"}},
		{name: "outbox: claimed where nothing can end", file: "loop.go",
			old: "if err := o.intact(); err != nil {", new: "if err := error(nil); err != nil {", suite: suite{run: "^TestPlacesBreakWhileWatching$"}},
		{name: "outbox: what waits is tried for ever", file: "loop.go",
			old: "if late { ", new: "if false { ", suite: suite{run: "^TestNothingIsTried"}},
		{name: "outbox: a growing file of another user is taken", file: "ready.go",
			old: "before.Size() == info.Size() && before.ModTime().Equal(info.ModTime())", new: "true", suite: suite{run: "^TestSettled$"}},
		{name: "outbox: a claim is closed to others", file: "claim.go",
			old: "dirMode, o.box.heir)", new: "0o700, o.box.heir)", suite: suite{run: "^TestModes"}},
		{name: "outbox: root keeps what it makes", file: "box.go",
			old: "b.heir.UID == 0", new: "true", suite: suite{run: "^TestRootLeaves"}},
	}
}

// durables are those of the file operations that all programs share.
func durables() []mutant {
	list := in(durable, durableTests, only("^TestOrder$", []mutant{
		{name: "durable: no flush of a fresh file", file: "temp.go",
			old: "temp.Sync()", new: "error(nil)"},
		{name: "durable: no flush of a fresh file's name", file: "temp.go",
			old: "return d.Sync()", new: "return nil"},
		{name: "durable: no flush of a new name", file: "rename.go",
			old: "	if err := to.Sync(); err != nil {\n		return err\n	}\n", new: ""},
		{name: "durable: no flush of an old name", file: "rename.go",
			old: "	return d.Sync()", new: "	return nil"},
		{name: "durable: the old name first", file: "rename.go",
			old: "to.Sync()", new: "d.Sync()"},
		{name: "durable: no flush of a directory's name", file: "durable.go",
			old: "return parent.Sync()", new: "return nil"},
	}))
	list = append(list, in(durable, outboxTests, only("^TestPowerCutEverywhere$", []mutant{
		{name: "durable: a flush of a directory that is none", file: "operations.go",
			old: "return d.file.Sync()", new: "return nil"},
	}))...)
	return append(list, in(durable, durableTests, []mutant{
		{name: "durable: a name that leads elsewhere", file: "dir.go",
			old: "strings.ContainsAny(name, \"/\\x00\")", new: "false", suite: suite{run: "^TestDirTakesOneName$"}},
		{name: "durable: a link to a directory is followed", file: "dir.go",
			old: "unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW", new: "unix.O_RDONLY | unix.O_DIRECTORY", suite: suite{run: "^TestDirOpens"}},
		{name: "durable: a link to a file is followed", file: "dir.go",
			old: "flag|unix.O_NOFOLLOW", new: "flag", suite: suite{run: "^TestDirOpens"}},
		{name: "durable: a pipe is a file", file: "dir.go",
			old: "st.Mode&unix.S_IFMT != unix.S_IFREG", new: "false", suite: suite{run: "^TestDirOpens"}},
		{name: "durable: another directory at the path counts", file: "dir.go",
			old: "return err == nil && os.SameFile(here, opened)", new: "return err == nil && opened != here", suite: suite{run: "^TestDirStays"}},
		{name: "durable: another's directory is given away", file: "dir.go",
			old: "!info.Ours()", new: "!info.Ours() && false", suite: suite{run: "^TestDirGives"}},
		{name: "durable: a new file replaces", file: "temp.go",
			old: "d.ops.rename(d, temp, to, name, renameNew)", new: "d.RenameOnly(temp, to, name)", suite: suite{run: "^TestDirReplaces"}},
	})...)
}
