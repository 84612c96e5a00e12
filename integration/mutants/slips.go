package main

const (
	clientCLI      = "services/client/cli/"
	clientCLITests = "./services/client/cli"
	sharedVoice    = "shared/voice/"
	sharedSettings = "shared/settings/"
)

// slips are the mutants that let a slip of a person's cost something, or a
// failure pass in silence.
func slips() []mutant {
	list := in(clientCLI, clientCLITests, []mutant{
		{name: "receipt: replaces what is no receipt", file: "receipt.go", suite: suite{run: "^TestScripts$/^receipt$"},
			old: "	opened, err := receipt.Open(text, r.settings.pins)\n	if err != nil {\n", new: "	opened, err := receipt.Open(text, r.settings.pins)\n	if err != nil {\n		return nil\n"},
		{name: "receipt: replaces that of another message", file: "receipt.go", suite: suite{run: "^TestScripts$/^receipt$"},
			old: "if entry.ID != id || entry.Sender", new: "if entry.Sender"},
		{name: "receipt: replaces what came meanwhile", file: "receipt.go", suite: suite{run: "^TestReceiptPlaceIsTakenMeanwhile$"},
			old: "dir.WriteNew(name,", new: "dir.WriteFile(name,"},
		{name: "usage: a file's name is a password", file: "options.go", suite: suite{run: "^TestScripts$/^usage$"},
			old: "_, err := os.Lstat(o.password); err == nil", new: "_, err := os.Lstat(o.password); false && err == nil"},
		{name: "input: an empty pipe is a message", file: "input.go", suite: suite{run: "^TestScripts$/^empty$"},
			old: "if s.piped && !r.allowEmpty {", new: "if false {"},
		{name: "input: half a message from a terminal", file: "input.go", suite: suite{run: "^TestTerminalHangsUp$"},
			old: "if err != nil && !isTerminal(t.file) {", new: "if false {"},
		{name: "CA file: none behind a byte order mark", file: "settings.go", suite: suite{run: "^TestScripts$/^settings$"},
			old: "mark != \"\" {", new: "false {"},
		{name: "output: no failure where nothing can be printed", file: "cli.go", suite: suite{run: "^TestScripts$/^full$"},
			old: "	err := out.After(dispatch(ctx, args, std))\n", new: "	err := dispatch(ctx, args, std)\n"},
	})
	list = append(list, in(sharedVoice, "./shared/voice", []mutant{
		{name: "output: its first error is forgotten", file: "output.go", suite: suite{run: "^TestOutput"},
			old: "		o.err = &OutputError{err}\n	}\n", new: "		return n, &OutputError{err}\n	}\n"},
	})...)
	list = append(list, in("services/server/cli/", "./services/server/cli", []mutant{
		{name: "accept: a volume that is not mounted is an empty one", file: "logbook.go", suite: suite{run: "^TestScripts$/^logbook$"},
			old: "	if err := config.mounted(); err != nil {\n		return err\n	}\n", new: ""},
	})...)
	list = append(list, in("services/server/daemon/", "./services/server/daemon", []mutant{
		{name: "settings: exchanged volumes are begun anew", file: "dirs.go", suite: suite{run: "^TestCheckDirs$"},
			old: "state.Holds(data) && !local.Holds(data)", new: "false"},
	})...)
	list = append(list, in("services/client/courier/", "./services/client/courier", []mutant{
		{name: "contact: the time of day is part of a reason", file: "contact.go", suite: suite{run: "^TestReason$"},
			old: " && invalid.Reason == x509.Expired && invalid.Cert != nil", new: " && false"},
	})...)
	return append(list, in(sharedSettings, "./shared/settings", []mutant{
		{name: "settings: what was copied along is taken", file: "stray.go", suite: suite{run: "^TestPasted"},
			old: "		if what := strayRune(r, form); what != \"\" {", new: "		if what := strayRune(r, form); false {"},
		{name: "settings: a zone that is none is UTC", file: "zone.go", suite: suite{run: "^TestNoZone$"},
			old: "	return nil, &Error{Problems", new: "	return time.UTC, nil\n	return nil, &Error{Problems"},
	})...)
}
