package main

// positions are the mutants that make a collector lose, repeat or hold up
// messages, or give away what is not its own.
func positions() []mutant {
	return in(collector, collectorTests, []mutant{
		{name: "position: lines are durable before what is owed", file: "kept.go",
			old: "		if err := k.writeOwed(k.owed); err != nil {\n			return err\n		}\n",
			new: "		defer func() { _ = k.writeOwed(k.owed) }()\n"},
		{name: "position: a file that failed is passed over", file: "pool.go",
			old: "		p.kept.owe(at)\n", new: ""},
		{name: "position: what is owed is not tried again", file: "pool.go",
			old: "err != nil || due.Count() == 0 {", new: "true {"},
		{name: "position: what is owed comes before what is new", file: "pool.go",
			old: "			return later\n", new: "			return owed\n"},
		{name: "position: what was collected comes again", file: "pool.go",
			old: "	case !have && j.standing == settled:\n", new: "	case false:\n"},
		{name: "position: nobody gives up", file: "pool.go",
			old: "if p.trouble >= p.MaxTrouble {", new: "if false {"},
		{name: "position: giving up over single files", file: "pool.go",
			old: " && !ofFile(j.item.Err):", new: ":"},
		{name: "position: what takes the server down is tried first for ever", file: "file.go",
			old: "				j.blame(err)\n", new: ""},
		{name: "position: a long manifest is never begun", file: "fresh.go",
			old: "	if f.cut {\n		size =", new: "	if f.cut {\n		return ErrGrowth\n		size ="},
		{name: "position: a part of the manifest passes for all of it", file: "collector.go",
			old: "if err == nil && fresh.cut {", new: "if false {"},
		{name: "output: links are followed", file: "output.go",
			old: "os.O_RDWR | unix.O_NOFOLLOW | unix.O_NONBLOCK", new: "os.O_RDWR | unix.O_NONBLOCK"},
		{name: "output: a file of two names is given away", file: "output.go",
			old: " || owner.Nlink != 1 {", new: " {"},
		{name: "output: root keeps what it makes", file: "output.go",
			old: "o.uid, o.gid = int(owner.Uid), int(owner.Gid)", new: "_ = owner"},
		{name: "output: the umask decides who may read", file: "output.go",
			old: "	if err := f.Chmod(mode); err != nil &&", new: "	if err := error(nil); err != nil &&"},
	})
}
