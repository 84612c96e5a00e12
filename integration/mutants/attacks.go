package main

const (
	identityDir = "shared/crypto/identity/"
	courierDir  = "services/client/courier/"
	faultsTests = "./integration/faults"
)

// attacks are the mutants that let an attacker on the wire be believed.
func attacks() []mutant {
	var list []mutant
	for _, part := range [][]mutant{peers(), answers(), senders(), parsers()} {
		list = append(list, part...)
	}
	return list
}

// peers are those of who the server is.
func peers() []mutant {
	return seen("TestImpostor", identityDir, []mutant{
		{name: "peer: pins are not compared", file: "tls.go",
			old: "		if p.Has(key) {\n", new: "		if len(key) > 0 {\n"},
		{name: "peer: any certificate of the chain", file: "tls.go",
			old: "leaf := chain[0]", new: "leaf := chain[len(chain)-1]"},
		{name: "peer: another protocol", file: "tls.go",
			old: "if state.NegotiatedProtocol != ALPN {", new: "if false {"},
		{name: "peer: nothing is checked", file: "tls.go",
			old: "		return p.check(state.PeerCertificates)\n", new: "		return nil\n"},
	})
}

// answers are those of what a client believes.
func answers() []mutant {
	list := seen("TestMiddleman", courierDir, []mutant{
		{name: "answer: no receipt is checked", file: "deliver.go",
			old: "	entry, err := s.check(c.receipt, m)\n	if err != nil {",
			new: "	entry, err := s.check(c.receipt, m)\n	if _ = err; false {"},
		{name: "answer: the receipt of another sender", file: "deliver.go",
			old: "e.Sender != s.cfg.Token.Sender() ||", new: ""},
		{name: "answer: the receipt of another id", file: "deliver.go",
			old: "e.ID != m.ID || ", new: ""},
		{name: "answer: one to another offer", file: "calls.go",
			old: "	if !ok {\n		return &framing.Error{Type: framing.TypeReceipt,",
			new: "	for r, other := range s.calls {\n		ref, c, ok = r, other, true\n	}\n	if !ok {\n		return &framing.Error{Type: framing.TypeReceipt,"},
		{name: "answer: a refusal for now is for good", file: "deliver.go",
			old: "r.Code.Class() == framing.ClassMessage", new: "true"},
	})
	list = append(list, in(courierDir, "./services/client/courier", []mutant{
		{name: "answer: a CLOSE about one message stops the client", file: "session.go",
			old: "c.Code.Class() == framing.ClassConnection", new: "(c.Code.Class() == framing.ClassConnection || c.Code.Class() == framing.ClassMessage)"},
		{name: "answer: a REFUSAL about the connection puts the message aside", file: "deliver.go",
			old: "r.Code.Class() == framing.ClassMessage", new: "(r.Code.Class() == framing.ClassMessage || r.Code.Class() == framing.ClassConnection)"},
		{name: "answer: the receipt of another size", file: "deliver.go",
			old: "e.Size != m.Size || ", new: ""},
		{name: "answer: the receipt of another name", file: "deliver.go",
			old: "e.Name != m.Name || ", new: ""},
		{name: "answer: the receipt of another cipher", file: "deliver.go",
			old: "e.Cipher != m.Cipher || ", new: ""},
	})...)
	list = append(list, seen("TestEveryByte", courierDir, []mutant{
		{name: "answer: a broken line is a refusal", file: "session.go",
			old: "		return &Refusal{Of: OfConnection, Reason: err.Error(), Cause: err}\n	}\n	return err\n",
			new: "	}\n	return &Refusal{Of: OfConnection, Reason: err.Error(), Cause: err}\n"},
	})...)
	return append(list, seen("TestImpostor", "services/client/outbox/", []mutant{
		{name: "answer: a wrong server has messages refused", file: "settle.go",
			old: " && refusal.Of == courier.OfMessage", new: ""},
	})...)
}

// senders are those of who sends, and of what was sent before.
func senders() []mutant {
	list := in("services/server/state/", "./services/server/state", []mutant{
		{name: "token: any secret", file: "senders.go",
			old: "subtle.ConstantTimeCompare(r.SHA256[:], hash[:]) == 1", new: "subtle.ConstantTimeCompare(r.SHA256[:], hash[:]) <= 1"},
	})
	list = append(list, in(identityDir, "./shared/crypto/identity", []mutant{
		{name: "pin: a control character in its name", file: "pins.go",
			old: "strings.IndexFunc(origin, unicode.IsControl) >= 0", new: "strings.IndexFunc(origin, unicode.IsControl) > len(origin)"},
		{name: "pin: bytes behind the certificate's key", file: "tls.go", old: " && plainInfo(leaf, key) {", new: " {"},
		{name: "pin: a second spelling", file: "pins.go",
			old: "if pin.String() != s {", new: "if pin.String() == \"\" {"},
		{name: "server: a client of any protocol", file: "tls.go",
			old: "if !slices.Contains(hello.SupportedProtos, ALPN) {", new: "if slices.Contains(hello.SupportedProtos, \"\") {"},
		{name: "server: the alert of an error of its own", file: "tls.go",
			old: "			_, _ = hello.Conn.Write(noALPN)\n", new: ""},
		{name: "server: an older TLS", file: "tls.go",
			old: tls13, new: "		NextProtos:             []string{ALPN},\n		SessionTicketsDisabled: true,\n	}\n}\n\n" +
				"func checkProtocol(state tls.ConnectionState) error {\n	if state.Version < tls.VersionTLS12 {\n"},
	})...)
	return append(list, seen("TestReplayedInside", "services/server/logbook/local/", []mutant{
		{name: "replay: nothing is known to be kept", file: "index.go",
			old: "	key := indexKey{sender, id}\n	x.mu.RLock()", new: "	key := indexKey{\"\", id}\n	x.mu.RLock()"},
	})...)
}

// tls13 is demanded twice, so it takes both to lose it. A client would still have
// to find the hybrid key exchange, which older versions have not.
const tls13 = `		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{ALPN},
		SessionTicketsDisabled: true,
		// Else the first records of a connection are short, so that a browser can
		// use the part of a page that is there. Nobody can use a part of a message,
		// and each record is a system call.
		DynamicRecordSizingDisabled: true,
	}
}

// checkProtocol looks at the outcome of the handshake rather than at what was
// asked for: a change to a config elsewhere cannot weaken a connection unseen.
func checkProtocol(state tls.ConnectionState) error {
	if state.Version != tls.VersionTLS13 {
`

// parsers are those of what comes over a wire and from a disk.
func parsers() []mutant {
	list := in("shared/framing/", "./shared/framing", []mutant{
		{name: "records: a cut payload is whole", file: "stream.go",
			old: "	if err != nil {\n		return nil, err\n	}\n	return buf[:n:n], nil", new: "	_ = err\n	return buf, nil"},
		{name: "records: a cut header is the end", file: "stream.go",
			old: "errors.Is(err, io.EOF) && len(header) > 0", new: "false"},
		{name: "records: any length", file: "framing.go",
			old: "case n > uint64(limit):", new: "case n > 1<<20:"},
	})
	list = append(list, mutant{name: "FTP: a reply ends the program", file: "services/driver/collector/session.go",
		old: "if p := recover(); p != nil {", new: "if p := any(nil); p != nil {", suite: suite{tests: "./services/driver/collector"}})
	return append(list, mutant{name: "records: a file from elsewhere", file: local + "recover.go",
		old: "if filepath.Dir(r.Staged) != stagingDir {", new: "if filepath.Dir(r.Staged) == \"\" {", suite: suite{tests: localTests, run: "Fuzz|Staged|Elsewhere|Corrupt"}})
}

// seen completes mutants that one of the fault tests must notice.
func seen(test, dir string, list []mutant) []mutant {
	list = in(dir, faultsTests, list)
	for i := range list {
		list[i].run = "^" + test + "$"
	}
	return list
}
