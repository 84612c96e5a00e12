package local

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/digest"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// Difference is one thing that Verify found.
type Difference struct {
	Seq    uint64 // the message, where it is about one
	File   string
	Reason string
}

// Verified counts what Verify looked at.
type Verified struct {
	Checked uint64 // messages
	Retired uint64 // of them, without a log file, as the server's note says
}

func (d Difference) String() string { return fmt.Sprintf("%s: %s", d.File, d.Reason) }

// Judge tells, and changes nothing, whether Open would take the log volume for
// the logbook: a *MisfitError, a *ForkError or a *CorruptError says why not. It
// may run beside a server. cfg.Known must have been read before.
func Judge(cfg Config) error { return cfg.known().Judge(cfg.Dir) }

// Verify judges the volume as Judge does, compares every log file on it with its
// manifest line and every line with the hash of it that was signed, and gives
// each difference to report. Messages that have a record and no line yet are those
// that a start would go on with, and are compared alike. The error may be Judge's. It
// reads only, also beside a running server: it looks at the messages that were there
// when it began.
func Verify(cfg Config, report func(Difference)) (found Verified, err error) {
	verdict := Judge(cfg)
	vol := disk.New(cfg.Dir)
	// The records come before the manifest: all that a server makes meanwhile is in that.
	v := &verifier{vol: vol, known: cfg.known(), report: report, records: readRecorded(vol)}
	m, err := manifest.View(vol)
	if err != nil {
		return found, cmp.Or(verdict, err)
	}
	defer func() { _ = m.Close() }()
	if v.logs, err = durable.OpenDir(vol.Logs("")); err != nil {
		return found, cmp.Or(verdict, err)
	}
	defer func() { _ = v.logs.Close() }()
	if v.tree, err = os.Open(vol.Path(merkle.Path)); err == nil {
		defer func() { _ = v.tree.Close() }()
	}
	if _, err = m.Scan(manifest.Position{}, manifest.AllFlushed, v.line); err == nil {
		err = v.records.from(v.found.Checked, v.line)
	}
	return v.found, cmp.Or(verdict, err)
}

type verifier struct {
	report  func(Difference)
	vol     *disk.Volume
	records *recorded
	logs    *durable.Dir
	note    []byte   // the newest text of the note that was looked at
	tree    *os.File // nil: it cannot be read
	known   fit.Known
	retired receipt.Retired // as of the last look
	found   Verified
}

// line looks at one line of the manifest, and at the log file that it is about.
func (v *verifier) line(p manifest.Place, e logfile.Entry, line []byte) error {
	v.found.Checked++
	switch reason := v.file(e); {
	case reason == "":
	case reason == Missing && v.isRetired(p.Seq):
		v.found.Retired++
	default:
		v.report(Difference{p.Seq, e.File, reason})
	}
	// The checkpoint may lag; the tree has the newest lines too.
	if v.tree != nil && merkle.Differs(v.tree, p.Seq, line) {
		v.report(Difference{p.Seq, logfile.ManifestName, fmt.Sprintf("line %d is not the one that was signed", p.Seq)})
	}
	return nil
}

// isRetired reports whether the note that lies there now names a message. It is looked
// at again for each that an earlier look does not explain: a server may be retiring. One
// that cannot be believed explains nothing; the verdict says so.
func (v *verifier) isRetired(seq uint64) bool {
	if v.retired.Numbers.Has(seq) {
		return true
	}
	text, err := fit.ReadRetired(v.vol)
	if err != nil || bytes.Equal(text, v.note) {
		return false
	}
	v.note = text
	v.retired, _ = v.known.OpenRetired(text)
	return v.retired.Numbers.Has(seq)
}

// Missing is the reason where no file is there and none was retired.
const Missing = "missing, and not retired"

func (v *verifier) file(e logfile.Entry) string {
	f, err := v.open(e)
	if errors.Is(err, fs.ErrNotExist) {
		return Missing
	}
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	if uint64(info.Size()) != e.FileSize {
		return fmt.Sprintf("%d bytes instead of %d", info.Size(), e.FileSize)
	}
	n, sum, err := digest.Of(io.LimitReader(f, info.Size()))
	switch {
	case err != nil:
		return err.Error()
	case n != e.FileSize:
		return fmt.Sprintf("%d bytes instead of %d", n, info.Size())
	case sum != e.FileSHA256:
		return "content differs from its SHA-256 in the manifest"
	}
	return ""
}

// open opens a log file by its final name, or, where a start would have to give it that,
// by the one in staging.
func (v *verifier) open(e logfile.Entry) (f *os.File, err error) {
	if !v.retired.Numbers.Has(e.Seq) {
		f, err = v.records.open(e)
	}
	if f != nil || err != nil {
		return f, err
	}
	err = v.logs.Within(e.File, func(in *durable.Dir, name string) (err error) {
		f, err = in.Open(name, os.O_RDONLY, 0)
		return err
	})
	return f, err
}
