package main

// calls are the mutants that only a table of a program's system calls shows: what
// they do is the same where nobody plants anything.
func calls() []mutant {
	const tests = "./integration/paths"
	return []mutant{
		{name: "paths: the logbook's files may be links", file: local + "volume.go",
			old: "unix.O_CREAT|unix.O_NOFOLLOW|", new: "unix.O_CREAT|", suite: suite{tests: tests, run: "^TestServersOwn"}},
		{name: "paths: the index may be a link", file: local + "store.go",
			old: "flag|unix.O_NOFOLLOW", new: "flag|unix.O_NOFOLLOW&0", suite: suite{tests: tests, run: "^TestServersOwn"}},
		{name: "paths: a look follows a link", file: durable + "dir.go",
			old: "unix.AT_SYMLINK_NOFOLLOW", new: "0", suite: suite{tests: tests, run: "^TestWatched"}},
		{name: "paths: a state file is looked at by its path", file: "services/server/state/reload.go",
			old: "	return d.Lstat(filepath.Base(path))\n", new: "	_, _ = os.Lstat(path)\n	return d.Lstat(filepath.Base(path))\n",
			suite: suite{tests: tests, run: "^TestSetup"}},
		{name: "paths: a receipt's place is looked at by its path", file: "services/client/cli/options.go",
			old: "	info, err := dir.Lstat(filepath.Base(o.receipt))\n", new: "	_, _ = os.Lstat(o.receipt)\n	info, err := dir.Lstat(filepath.Base(o.receipt))\n",
			suite: suite{tests: tests, run: "^TestReceipt"}},
	}
}
