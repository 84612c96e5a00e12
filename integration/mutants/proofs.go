package main

const (
	receiptDir   = "shared/crypto/receipt/"
	receiptTests = "./shared/crypto/receipt"
	driver       = "services/driver/"
)

// proofs are the mutants that make a client or a collector believe what was not
// signed.
func proofs() []mutant {
	var list []mutant
	for _, part := range [][]mutant{receipts(), lines(), accepted(), audits(), collected(), positions()} {
		list = append(list, part...)
	}
	return list
}

// receipts are those of the receipt by itself.
func receipts() []mutant {
	return in(receiptDir, receiptTests, []mutant{
		{name: "receipt: its proof is not checked", file: "open.go",
			old: "	if err != nil {\n		return Opened{}, ErrProof\n", new: "	if err == ErrProof {\n		return Opened{}, ErrProof\n"},
		{name: "receipt: two spellings of base64", file: "open.go",
			old: "base64.StdEncoding.Strict()", new: "base64.StdEncoding"},
		{name: "receipt: line ends within base64", file: "open.go",
			old: "err == nil && strict64.EncodedLen(n) == len(text)", new: "err == nil"},
		{name: "receipt: two spellings of a number", file: "open.go",
			old: "len(text) > 1 && text[0] == '0'", new: "text == \"\""},
		{name: "receipt: another version", file: "open.go",
			old: "!found || string(first) != header", new: "!found || len(first) == 0"},
		{name: "receipt: any line", file: "open.go",
			old: "return line, ok && validLine(line)", new: "return line, ok"},
		{name: "receipt: more hashes than levels", file: "open.go",
			old: "if lines > maxProof {", new: "if false {"},
		{name: "checkpoint: its signature's spelling", file: "checkpoint.go",
			old: "if !canonicalSignatures(text) {", new: "if false {"},
		{name: "checkpoint: the form of what stands behind a forged signature", file: "checkpoint.go",
			old: "!errors.As(err, &unverified)", new: "errors.As(err, &unverified) && err == nil"},
		{name: "checkpoint: other programs' notes", file: "checkpoint.go",
			old: "strings.HasPrefix(origin, originPrefix) && ", new: ""},
		{name: "checkpoint: empty lines", file: "checkpoint.go",
			old: `if line == "\n" {`, new: `if line == "" {`},
		{name: "verifier: what is remembered is not compared", file: "verifier.go",
			old: "h.signed != nil && bytes.Equal(h.signed, signed)", new: "h.signed != nil"},
		{name: "verifier: nothing is remembered", file: "verifier.go",
			old: "		v.remember(signed, checkpoint)\n", new: "		_ = v.remember\n"},
		{name: "verifier: what failed is remembered", file: "verifier.go",
			old: "		if err != nil {\n			return Checkpoint{}, err\n		}\n		v.remember(signed, checkpoint)\n		return checkpoint, nil",
			new: "		v.remember(signed, checkpoint)\n		return checkpoint, err"},
		{name: "verifier: one check for all texts", file: "verifier.go",
			old: "v.checks.Do(string(signed),", new: `v.checks.Do("",`},
		{name: "verifier: everybody checks", file: "verifier.go",
			old: "v.checks.Do(string(signed),", new: "new(singleflight.Group).Do(string(signed),"},
	})
}

// lines are those of the manifest line, which has one spelling.
func lines() []mutant {
	return in("shared/logfile/", "./shared/logfile", []mutant{
		{name: "line: bytes behind its end", file: "line.go",
			old: "r.pass(0, len(r.rest) == 0)", new: "r.pass(0, true)"},
		{name: "line: any escape", file: "line.go",
			old: ` || raw[i] != '"' && raw[i] != '\\'`, new: ""},
		{name: "line: two spellings of a time", file: "line.go",
			old: "bytes.Equal(appendTime(again[:0], t), text)", new: "!bytes.Equal(appendTime(again[:0], t), nil)"},
		{name: "line: two spellings of a digit", file: "logfile.go",
			old: "if 'A' <= c && c <= 'F' {", new: "if c == 0 {"},
		{name: "line: two spellings of a number", file: "logfile.go",
			old: "len(s) > 1 && s[0] == '0'", new: `s == ""`},
		{name: "line: the year 0", file: "entry.go", old: "1 <= t.Year()", new: "0 <= t.Year()"},
		{name: "log file: a size before the header's form", file: "parse.go",
			old: "	if !bytes.HasPrefix(start, f.layout.Header()) {", new: "	if f.Size <= uint64(size) && !bytes.HasPrefix(start, f.layout.Header()) {"},
		{name: "log file: a line of text that ends too early", file: "wrap.go",
			old: "bytes.IndexByte(p[:n], '\\n') >= 0", new: "bytes.IndexByte(p[:n], '\\n') > n"},
		{name: "line: its rules are not looked at", file: "entry.go",
			old: "	if err := e.check(); err != nil {\n		return Entry{}, err", new: "	if err := e.check(); err == errEncryptedSize {\n		return Entry{}, err"},
	})
}

// accepted are those of a client that takes a receipt.
func accepted() []mutant {
	const courier = "services/client/courier"
	list := in(courier+"/", "./"+courier, []mutant{
		{name: "courier: another logbook's receipt", file: "deliver.go",
			old: "opened.Origin != receipt.Origin(s.welcome.LogbookID)", new: `opened.Origin == receipt.Origin("")`},
		{name: "courier: another sender's receipt", file: "deliver.go",
			old: "e.Sender != s.cfg.Token.Sender() ||", new: ""},
		{name: "courier: another message's receipt", file: "deliver.go",
			old: "e.ID != m.ID || ", new: ""},
		{name: "courier: a receipt of other content", file: "deliver.go",
			old: " || e.SHA256 != m.SHA256", new: ""},
	})
	return append(list, mutant{name: "receipt: a line in another's place", file: "shared/logfile/receipt.go",
		old: "entry.Seq != opened.Index", new: "false", suite: suite{tests: receiptTests}})
}

// audits are those of the manifest as a whole.
func audits() []mutant {
	return in(driver+"audit/", "./"+driver+"audit", []mutant{
		{name: "audit: roots are not compared", file: "audit.go",
			old: "true, a.lines.Root() == t.Root", new: "true, true"},
		{name: "audit: a cut tail", file: "audit.go",
			old: "case whole:", new: "case false:"},
		{name: "audit: two views under one signature", file: "audit.go",
			old: "agreed > 0 && agreed >= t.Size || ", new: ""},
		{name: "audit: two trees of one size", file: "audit.go",
			old: " || a.twins(t)", new: ""},
		{name: "audit: two trees of one size beyond the manifest's end", file: "audit.go",
			old: "	if a.twins(t) {", new: "	if false {"},
		{name: "audit: another logbook's lines", file: "audit.go",
			old: "other.Origin == t.Origin && ", new: ""},
		{name: "audit: lag is an attack", file: "audit.go",
			old: "case t.verified:\n			from", new: "case t.verified && t.Size == a.lines.Size():\n			from"},
	})
}

// collected are those of a run of the driver.
func collected() []mutant {
	list := in(driver+"run/", "./"+driver+"run", []mutant{
		{name: "driver: the server's checkpoint is not compared", file: "checkpoint.go",
			old: "	c.audit.Expect(audit.Head{Source: where, Checkpoint: checkpoint})\n", new: "	_ = audit.Head{}\n"},
		{name: "driver: the kept checkpoint is not read", file: "checkpoint.go",
			old: "	c.readKept()\n", new: ""},
		{name: "driver: a checkpoint that was taken away", file: "checkpoint.go",
			old: "case c.kept != nil:\n		c.fail", new: "case false:\n		c.fail"},
		{name: "driver: an older checkpoint replaces the kept one", file: "checkpoint.go",
			old: " || c.older() || ", new: " || "},
		{name: "driver: a checkpoint is kept that is not true", file: "checkpoint.go",
			old: "c.fetched == nil || !c.audit.Holds(c.fetched.Checkpoint):\n		return nil", new: "c.fetched == nil:\n		return nil"},
		{name: "driver: the evidence is replaced", file: "checkpoint.go",
			old: "case len(c.failures) > 0 || ", new: "case "},
		{name: "driver: receipts' trees are not compared", file: "run.go",
			old: "		d.audit.Expect(head)\n", new: "		_ = head\n"},
	})
	list = append(list, in(driver+"outbox/", "./"+driver+"outbox", []mutant{
		{name: "outbox: a receipt of another tree counts", file: "match.go",
			old: "if manifest.Holds(tree) {", new: "if _ = tree; true {"},
		{name: "outbox: the manifest's line is not compared", file: "match.go",
			old: "case !bytes.Equal(c.line, item.Line):", new: "case bytes.Equal(c.line, nil):"},
		{name: "outbox: the message is not compared", file: "receipts.go",
			old: "if err == nil && sum != e.SHA256 {", new: "if err == nil && sum == (logfile.Digest{}) {"},
	})...)
	return append(list, in(driver+"collector/", "./"+driver+"collector", []mutant{
		{name: "collector: signed lines are not waited for", file: "fresh.go",
			old: "if c.kept.lines+f.lines < c.known && !f.cut {", new: "if false {"},
		{name: "collector: the checkpoint comes after the manifest", file: "fresh.go",
			old: "	s, err := c.fetchCheckpoint(ctx)\n	if err == nil {\n		s, err = c.tryManifest(ctx, s, f)\n	}",
			new: "	s, err := c.tryManifest(ctx, nil, f)\n	if err == nil {\n		_, err = c.fetchCheckpoint(ctx)\n	}"},
		{name: "collector: changed lines", file: "fresh.go",
			old: "case changed:", new: "case false:"},
	})...)
}
