package main

const (
	stateDir    = "services/server/state/"
	stateTests  = "./services/server/state"
	intakeDir   = "services/server/intake/"
	intakeTests = "./services/server/intake"
	daemonDir   = "services/server/daemon/"
	daemonTests = "./services/server/daemon"
)

// identities are the mutants that lose a key or keep one too long, and those
// that leave a removed token or an old certificate at work.
func identities() []mutant {
	var list []mutant
	for _, part := range [][]mutant{switches(), dates(), followed(), removals()} {
		list = append(list, part...)
	}
	return list
}

// switches are those of an identity that is replaced.
func switches() []mutant {
	list := in(stateDir, stateTests, []mutant{
		{name: "identity: switched before it is noted", file: "identity.go",
			old: "		if err := s.noteFormer(k, overlap); err != nil {\n			return err\n		}\n		return durable.Rename(s.path(nextFile), s.path(identityFile))\n",
			new: "		if err := durable.Rename(s.path(nextFile), s.path(identityFile)); err != nil {\n			return err\n		}\n		return s.noteFormer(k, overlap)\n"},
		{name: "identity: the old one is not noted", file: "identity.go",
			old: "if err := s.noteFormer(k, overlap); err != nil {", new: "if false {\n			var err error"},
		{name: "identity: noted twice after a crash", file: "former.go",
			old: "return other.Key.Equal(f.Key) })", new: "return false })"},
		{name: "identity: signs twice after a crash", file: "keyring.go",
			old: " || f.Key.Equal(k.current.Public())", new: ""},
		{name: "identity: what it signed before a switch is foreign", file: "identity.go",
			old: "		pins = append(pins, identity.Pin{Key: f.Key})\n", new: "		_ = f\n"},
		{name: "identity: the old one does not sign beside", file: "keyring.go",
			old: "		fresh.signers = append(fresh.signers, f.signer)\n", new: ""},
		{name: "identity: the next one is made again", file: "identity.go",
			old: "		if k.next != nil {\n			return nil\n", new: "		if false {\n			return nil\n"},
		{name: "identity: any number may sign", file: "identity.go",
			old: "overlap > 0 && len(k.signers) >= maxSigners", new: "false"},
		{name: "identity: an exchanged file is followed", file: "keyring.go",
			old: "old != nil && !fresh.follows(old)", new: "false"},
		{name: "identity: clients are not told of the next one", file: "identity.go",
			old: "		pins = append(pins, s.pin(k.next))\n", new: "		_ = k.next\n"},
		{name: "identity: nobody hears that others sign", file: "keyring.go",
			old: "	fresh.version++\n", new: ""},
	})
	return append(list, only("SignersChange", in(local, localTests, []mutant{
		{name: "seal: receipts keep the old signature", file: "seal.go",
			old: "if s.signers == l.cfg.Notary.Signers() {", new: "if true {"},
		{name: "seal: the checkpoint beside the manifest keeps it", file: "seal.go",
			old: "	s, err := l.newest()\n	if err != nil || s == l.published {", new: "	s, err := l.sealed.Load(), error(nil)\n	if err != nil || s == l.published {"},
	}))...)
}

// dates are those of the end of a replaced identity.
func dates() []mutant {
	list := in(stateDir, stateTests, []mutant{
		{name: "identity: the old one signs for ever", file: "keyring.go",
			old: "if f.signer == nil || !now.Before(f.Until) || ", new: "if f.signer == nil || "},
		{name: "identity: the date is not looked at", file: "keyring.go",
			old: "!k.until.IsZero() && !now.Before(k.until)", new: "false"},
		{name: "identity: the date passes beside a damaged file", file: "keyring.go",
			old: "case err != nil && old != nil && old.ends(now):", new: "case false:"},
		{name: "identity: the old key stays on the disk", file: "identity.go",
			old: "	return s.changeIdentities(s.strip)\n", new: "	return nil\n"},
		{name: "identity: the old key stays over a start", file: "identity.go",
			old: "	if err := s.strip(s.identities.get()); err != nil {\n", new: "	if err := error(nil); err != nil {\n"},
		{name: "identity: kept although it is not to sign", file: "identity.go",
			old: "	if overlap > 0 {\n		f.Private", new: "	if true {\n		f.Private"},
		{name: "identity: retired, and signs on", file: "identity.go",
			old: "				list[i].Until = now\n", new: "				_ = i\n"},
	})
	return append(list, only("OverlapEnds", in(daemonDir, daemonTests, []mutant{
		{name: "daemon: the old key stays while the server runs", file: "follow.go",
			old: "errors.Join(f.st.Check(), f.st.DropExpired())", new: "errors.Join(f.st.Check())"},
	}))...)
}

// followed are those of a running server that must follow what changes beside it.
func followed() []mutant {
	return only("Rotation|Certificate|Renewal|BadPair", in(daemonDir, daemonTests, []mutant{
		{name: "daemon: nothing is followed", file: "follow.go",
			old: "			f.look()\n", new: ""},
		{name: "daemon: the certificate is not followed", file: "follow.go",
			old: "		f.cert.look()\n", new: ""},
		{name: "daemon: nobody can ask it to look", file: "follow.go",
			old: "			f.reload()\n", new: ""},
		{name: "daemon: the identity of the start stands for TLS", file: "daemon.go",
			old: "return identity.ServerTLSFunc(st.Certificate), nil, nil", new: "return identity.ServerTLSWith(*st.Certificate()), nil, nil"},
		{name: "certificate: half a renewal is taken", file: "certificate.go",
			old: "	settled := p == c.seen\n", new: "	settled := true\n"},
		{name: "certificate: an expired one is taken", file: "certificate.go",
			old: "	case now.After(leaf.NotAfter):\n", new: "	case false:\n"},
		{name: "certificate: one for tomorrow is taken", file: "certificate.go",
			old: "	case now.Before(leaf.NotBefore):\n", new: "	case false:\n"},
		{name: "certificate: one for tomorrow is not taken tomorrow", file: "certificate.go",
			old: "(p != c.judged || c.becameValid())", new: "p != c.judged"},
		{name: "certificate: one for clients is taken", file: "certificate.go",
			old: "	case !forServers(leaf):\n", new: "	case false:\n"},
		{name: "certificate: its end is not said", file: "expiry.go",
			old: "	case left < 0:\n", new: "	case false:\n"},
		{name: "certificate: its end is said once", file: "expiry.go",
			old: "is == r.said && now.Sub(r.at) < remindEvery", new: "is == r.said"},
		{name: "certificate: passed over behind a byte order mark", file: "pair.go",
			old: "mark != \"\" {", new: "false {"},
		{name: "certificate: an encrypted key is the certificate's fault", file: "pair.go",
			old: "	if encrypted(p.key) {\n", new: "	if false {\n"},
		{name: "certificate: the metric says nothing", file: "certificate.go",
			old: "		c.broken.Set(1)\n", new: ""},
		{name: "certificate: the metric stays after the mending", file: "certificate.go",
			old: "	c.broken.Set(0)\n", new: ""},
	}))
}

// removals are those of a token that is removed while its sender is connected.
func removals() []mutant {
	list := only("Removed", in(intakeDir, intakeTests, []mutant{
		{name: "token: sessions are not looked at", file: "removal.go",
			old: "		s.reads.revoke()\n", new: ""},
		{name: "token: all sessions end", file: "removal.go",
			old: "hash != nil && !s.server.cfg.Senders.StillValid(*hash)", new: "hash != nil"},
		{name: "token: what is under way goes on", file: "reads.go",
			old: "	case r.revoked:\n", new: "	case r.revoked && !r.busy:\n"},
		{name: "token: a wait is not cut short", file: "reads.go",
			old: "	r.revoked = true\n	r.wake()\n", new: "	r.revoked = true\n"},
		{name: "token: removed at the log-in", file: "session.go",
			old: "	s.tokenHash.Store(&hash)\n	sender, ok := s.server.cfg.Senders.Authenticate(token)\n",
			new: "	sender, ok := s.server.cfg.Senders.Authenticate(token)\n	s.tokenHash.Store(&hash)\n"},
		{name: "token: not looked at with an offer", file: "session.go",
			old: "if !s.server.cfg.Senders.StillValid(*s.tokenHash.Load()) {", new: "if false {"},
		{name: "token: its removal is counted as a failed log-in", file: "session.go",
			old: `return "token removed", err`, new: "return told.code.String(), err"},
	}))
	list = append(list, in(stateDir, stateTests, []mutant{
		{name: "token: a third is valid", file: "senders.go",
			old: "if count(records, name) >= maxTokens {", new: "if false {"},
		{name: "token: the newest goes too", file: "senders.go",
			old: "		if keepNewest {\n", new: "		if false {\n"},
	})...)
	return append(list, mutant{name: "token: the running server looks at nobody", file: daemonDir + "follow.go",
		old: "		f.in.Recheck()\n", new: "", suite: suite{daemonTests, "Removed"}})
}
