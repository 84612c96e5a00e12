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
			old: "return uint64(n), sum, f.Sync()", new: "return uint64(n), sum, nil"},
		{name: "outbox: no flush of a record", file: "record.go",
			old: "	return by.writeFile(", new: "	return os.WriteFile("},
		{name: "outbox: no flush of a claim's name", file: "settle.go",
			old: "[]string{o.path(sendingDir), o.Dir}", new: "[]string{o.Dir}"},
		{name: "outbox: no flush of where a message came from", file: "settle.go",
			old: "[]string{o.path(sendingDir), o.Dir}", new: "[]string{o.path(sendingDir)}"},
		{name: "outbox: no anchor before it is offered", file: "settle.go",
			old: "return rec, o.anchor()", new: "return rec, nil"},
		{name: "outbox: no anchor before it is refused", file: "finish.go",
			old: "err := o.anchor()", new: "err := error(nil)"},
		{name: "outbox: no flush of a receipt", file: "finish.go",
			old: "err := o.owner.writeFile(filepath.Join(c.dir, receiptName", new: "err := os.WriteFile(filepath.Join(c.dir, receiptName"},
		{name: "outbox: no flush of a reason", file: "finish.go",
			old: "err = o.owner.writeFile(filepath.Join(c.dir, reasonName", new: "err = os.WriteFile(filepath.Join(c.dir, reasonName"},
		{name: "outbox: no flush of the last move", file: "finish.go",
			old: "durable.Rename(c.dir, to)", new: "errors.Join(os.Rename(c.dir, to), durable.SyncDir(os.TempDir()))"},
		{name: "outbox: no flush of the logbook's id", file: "logbook.go",
			old: "ownerFor(dir).writeFile(", new: "os.WriteFile("},
	}))
	list = append(list, in(outbox, outboxTests, stuckMessages())...)
	list = append(list, mutant{name: "courier: a message that ends connections is kept", file: "services/client/courier/postpone.go",
		old: "|| a.broken >= maxBroken", new: "&& a.broken > 0", suite: suite{tests: "./services/client/courier", run: "^TestPostponedWhere"}})
	return append(list, in(outbox, outboxTests, only("^TestStepsAreAllThereAre$", []mutant{
		{name: "outbox: moved before its receipt is there", file: "finish.go",
			old: "	if err := o.owner.writeFile(", new: "	if err := o.moveTo(c, sentDir); err != nil {\n		return storage{err}\n	}\n	if err := o.owner.writeFile("},
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
			old: "errors.Is(err, syscall.EXDEV)", new: "err == nil", suite: suite{run: "^TestBrokenPlaces"}},
		{name: "outbox: links are followed to sent", file: "places.go",
			old: "case !info.IsDir():", new: "case info.Mode().IsRegular():", suite: suite{run: "^TestBrokenPlaces"}},
		{name: "outbox: claimed where nothing can end", file: "loop.go",
			old: "if err := o.intact(); err != nil {", new: "if err := error(nil); err != nil {", suite: suite{run: "^TestPlacesBreakWhileWatching$"}},
		{name: "outbox: what waits is tried for ever", file: "loop.go",
			old: "if late { ", new: "if false { ", suite: suite{run: "^TestNothingIsTried"}},
		{name: "outbox: a growing file of another user is taken", file: "ready.go",
			old: "before.Size() == info.Size() && before.ModTime().Equal(info.ModTime())", new: "true", suite: suite{run: "^TestSettled$"}},
		{name: "outbox: a directory has the umask's mode", file: "owner.go",
			old: "return d.Chmod(dirMode)", new: "return nil", suite: suite{run: "^TestModes"}},
		{name: "outbox: root keeps what it makes", file: "owner.go",
			old: "return f.Chown(w.uid, w.gid)", new: "return nil", suite: suite{run: "^TestRootLeaves"}},
		{name: "outbox: root gives away what is not its own", file: "owner.go",
			old: "int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid()", new: "int(info.Sys().(*syscall.Stat_t).Uid) < 0", suite: suite{run: "^TestOnlyRoots"}},
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
		{name: "durable: another's directory is given away", file: "dir.go",
			old: "uid != os.Geteuid()", new: "uid < 0", suite: suite{run: "^TestDirGives"}},
		{name: "durable: a new file replaces", file: "temp.go",
			old: "d.ops.rename(d, temp, to, name, renameNew)", new: "d.RenameOnly(temp, to, name)", suite: suite{run: "^TestDirReplaces"}},
	})...)
}
