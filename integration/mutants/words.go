package main

// words are the mutants that let a message speak as the driver, a quiet time end
// a connection, a read go on for ever, or a token be read by others.
func words() []mutant {
	list := in("services/driver/run/", "./services/driver/run", only("^TestMessageThatPlaysTheDriver$|^TestMargin$", []mutant{
		{name: "print: a line without its mark", file: "margin.go",
			old: "	if m.column == 0 {\n		m.start(mark)\n	}\n", new: ""},
		{name: "print: a long line is broken by the terminal", file: "margin.go",
			old: "if m.column+m.cells(r) > m.limit {", new: "if false {"},
		{name: "print: wide characters count as one", file: "margin.go",
			old: "	return 2\n", new: "	return 1\n"},
		{name: "print: the driver goes on in a line of the file", file: "margin.go",
			old: "	_, err := m.Write([]byte(\"\\n\"))\n	return err\n", new: "	return nil\n"},
	}))
	list = append(list, in("shared/deadline/", "./shared/deadline", []mutant{
		{name: "deadline: a write without one", file: "deadline.go",
			old: "		until = time.Now().Add(c.limit)\n", new: "		until = time.Now().Add(time.Hour)\n"},
		{name: "deadline: a write under way loses its own", file: "deadline.go",
			old: "	if until.IsZero() {\n		return nil\n	}\n", new: ""},
	})...)
	list = append(list, in("services/server/intake/", "./services/server/intake", only("^TestKeyUpdate|^TestDeadlineIsTaken", []mutant{
		{name: "key update: held to the deadline of the last answer", file: "session.go",
			old: "tls.Server(deadline.New(raw, limits.Write), server.cfg.TLS)", new: "tls.Server(deadline.New(raw, limits.Write).Conn, server.cfg.TLS)"},
		{name: "key update: the deadline of an answer stays", file: "answers.go",
			old: "		err = a.conn.SetWriteDeadline(time.Time{})\n", new: ""},
	}))...)
	list = append(list, in(courierDir, "./services/client/courier", only("^TestKeyUpdate|^TestReasonsAre|^TestQueueGathers", []mutant{
		{name: "client's key update: the deadline of a write stays", file: "queue.go",
			old: "	return q.conn.SetWriteDeadline(time.Time{})\n", new: "	return nil\n"},
		{name: "client's key update: held to the deadline of the last write", file: "session.go",
			old: "tls.Client(deadline.New(raw, limit), cfg.TLS)", new: "tls.Client(deadline.New(raw, limit).Conn, cfg.TLS)"},
		{name: "reason: the server speaks as the client", file: "types.go",
			old: "message.Visible(e.Reason), e.Code)", new: "e.Reason, e.Code)"},
	}))...)
	list = append(list, in("shared/bounded/", "./shared/bounded", []mutant{
		{name: "read: too much is taken for all", file: "bounded.go",
			old: "	case int64(len(text)) > most:\n", new: "	case int64(len(text)) > most+1:\n"},
		{name: "read: a device is a file", file: "bounded.go",
			old: "!info.Mode().IsRegular()", new: "info.IsDir()"},
	})...)
	list = append(list, in("shared/message/", "./shared/message", []mutant{
		{name: "sender: a name that is a flag", file: "name.go",
			old: "if name[0] == '-' {", new: "if name == \"-\" {"},
	})...)
	return append(list, in("services/server/cli/", "./services/server/cli", only("^TestScripts$", []mutant{
		{name: "token's file: others may read it", file: "secretfile.go",
			old: "const secretMode = 0o600", new: "const secretMode = 0o644"},
		{name: "token's file: it replaces one", file: "secretfile.go",
			old: "os.O_EXCL|", new: "os.O_TRUNC|"},
		{name: "token's file: nobody is told that others may read it", file: "sender.go",
			old: "if std.exposed() {", new: "if false {"},
	}))...)
}
