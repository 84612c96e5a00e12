package main

const (
	volumesDir   = "services/server/volumes/"
	volumesTests = "./services/server/volumes"
)

// bothVolumes are the mutants that let one volume remember what the other may
// lose, and those that judge the volumes otherwise in one place than in another.
func bothVolumes() []mutant {
	list := only("^TestPowerCutOfEither$", []mutant{
		{name: "volumes: what is read of the state is not flushed", file: stateDir + "reload.go",
			old: "errors.Join(f.Sync(), durable.SyncDir(filepath.Dir(w.path)))", new: "errors.Join(f.Sync(), func(string) error { return nil }(filepath.Dir(w.path)), durable.SyncDir(os.TempDir()))"},
		{name: "volumes: an empty volume needs no id", file: local + "fit.go",
			old: "	case id == \"\" && records:\n		return f.checkEmpty()\n", new: "	case id == \"\" && records:\n		return &MisfitError{\"no id\"}\n"},
		{name: "accept: the word is not kept", file: volumesDir + "accept.go",
			old: "	if err := p.st.Accept(accepted); err != nil {\n		return \"\", err\n	}\n", new: ""},
		{name: "accept: nobody carries the word out", file: volumesDir + "volumes.go",
			old: "err != nil && given && IsVerdict(err) && isMeant(accepted, o.cfg.Dir)", new: "false"},
		{name: "accept: forgotten before both have the id", file: volumesDir + "accept.go",
			old: "	if err := st.SetCheckpoint(checkpoint); err != nil {", new: "	if err := errors.Join(st.EndAcceptance(), st.SetCheckpoint(checkpoint)); err != nil {"},
	})
	list = append(list,
		mutant{name: "accept: another log volume", file: volumesDir + "accept.go", suite: suite{run: "^TestAcceptedIsAnother$"},
			old: "return err == nil && (id == a.Was || id == a.ID)", new: "return err == nil && (id == a.Was || true)"},
		mutant{name: "accept: a word that is not needed stays", file: volumesDir + "volumes.go", suite: suite{run: "^TestAcceptedFits$"},
			old: "	case err == nil && given:\n", new: "	case false:\n"},
		mutant{name: "accept: volumes that fit", file: volumesDir + "accept.go", suite: suite{run: "^TestProposals$"},
			old: "		return ErrFit\n", new: "		p.Reason = ErrFit\n"},
		mutant{name: "accept: beside a server that is red", file: volumesDir + "volumes.go", suite: suite{run: "^TestRedServerHolds$"},
			old: "	if !IsVerdict(err) {", new: "	if true {"},
		mutant{name: "volumes: the lock of one that was taken away", file: volumesDir + "volumes.go", suite: suite{run: "^TestBroughtBack$"},
			old: "o.lock != nil && local.HoldsLock(o.cfg.Dir, o.lock)", new: "o.lock != nil"},
	)
	list = append(in("", volumesTests, list),
		mutant{name: "remedy: none on /readyz", file: "services/server/admin/admin.go", suite: suite{tests: "./services/server/admin", run: "^TestReadiness$"},
			old: "todo != \"\"", new: "false"},
		mutant{name: "readiness: a new reason each second", file: local + "health.go", suite: suite{tests: localTests, run: "^TestReasonStaysTheSame$"},
			old: "	const name = stagingDir + \"/\" + stagedPrefix + \"probe\"", new: "	name := stagedName()"},
		mutant{name: "readiness: the name of a temporary file", file: "shared/durable/temp.go", suite: suite{tests: durableTests, run: "^TestWriteFileThatCannot$"},
			old: "fmt.Errorf(\"write %s: %w\", d.in(name), cause(err))", new: "fmt.Errorf(\"write %s: %w\", d.in(name), err)"},
		mutant{name: "verify: 0 on volumes that do not fit", file: "services/server/cli/logbook.go", suite: suite{tests: "./services/server/cli", run: "^TestScripts$/^verdict$"},
			old: "	if differences > 0 {\n", new: "	err = nil\n	if differences > 0 {\n"},
		mutant{name: "accept: without a word", file: "services/server/cli/accept.go", suite: suite{tests: "./services/server/cli", run: "^TestScripts$/^logbook$"},
			old: "	if !yes {\n", new: "	if false {\n"},
	)
	list = append(list, only("^TestIDIsDurable$", in(local, localTests, []mutant{
		{name: "volumes: the id is not flushed", file: "fit.go",
			old: "	return v.syncDir(stagingDir)\n", new: "	return nil\n"},
	}))...)
	return append(list, only("^TestMisfits$", in(local, localTests, []mutant{
		{name: "volumes: one that lost its messages is empty", file: "fit.go",
			old: "err == nil && c.Size == 0 && c.Origin", new: "err == nil && c.Origin"},
	}))...)
}
