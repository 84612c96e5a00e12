package main

// proxied are those of connections that a proxy passes on.
func proxied() []mutant {
	return only("TestProxy", in(intakeDir, intakeTests, []mutant{
		{name: "proxy: everybody is believed", file: "proxy.go",
			old: "		if p.Contains(ip) {\n", new: "		if _ = ip; p.IsValid() {\n"},
		{name: "proxy: the header is read and not believed", file: "proxy.go",
			old: "		remote = source\n", new: "		_ = source\n"},
		{name: "proxy: the address of a proxy's own connection is believed", file: "proxy.go",
			old: "ok && !header.Command.IsLocal()", new: "ok"},
		{name: "proxy: a header may take for ever", file: "proxy.go",
			old: "conn.SetReadDeadline(time.Now().Add(limit))", new: "conn.SetReadDeadline(time.Time{}.Add(0 * limit))"},
		{name: "proxy: limits count the proxy", file: "admit.go",
			old: "	if !s.gate.become(address) {\n", new: "	if address = hostOf(waiting.conn.RemoteAddr()); !s.gate.become(address) {\n"},
		{name: "proxy: who says nothing is not counted", file: "admit.go",
			old: "	if !s.gate.enterUnknown() {\n", new: "	if s.gate.max++; !s.gate.enterUnknown() {\n"},
		{name: "proxy: who says nothing holds a shutdown up", file: "proxy.go",
			old: "func (w *proxyWait) drain() { w.kill() }", new: "func (w *proxyWait) drain() {}"},
		{name: "proxy: its looks make noise", file: "proxy.go",
			old: "		if err := counted.first(in); err != nil {\n", new: "		if err := error(nil); err != nil {\n"},
	}))
}

// modes are those of what others are to read.
func modes() []mutant {
	return []mutant{{name: "mode: directories keep what an umask left", file: local + "volume.go",
		old: "	if err := ensureMode(int(d.Fd()), mode); err != nil && ", new: "	if err := error(nil); err != nil && ",
		suite: suite{localTests, "^TestPrepareModes$"}}}
}
