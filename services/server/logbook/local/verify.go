package local

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
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

func (d Difference) String() string { return fmt.Sprintf("%s: %s", d.File, d.Reason) }

// Judge tells, and changes nothing, whether Open would take the log volume for
// the logbook: a *MisfitError, a *ForkError or a *CorruptError says why not. It
// may run beside a server. cfg.Known must have been read before.
func Judge(cfg Config) error { return cfg.known().Judge(cfg.Dir) }

// Verify judges the volume as Judge does, compares every log file on it with its
// manifest line and every line with the hash of it that was signed, and gives
// each difference to report. The error may be Judge's. It reads only, also
// beside a running server: it looks at the lines that were there when it began.
func Verify(cfg Config, report func(Difference)) (checked uint64, err error) {
	verdict := Judge(cfg)
	vol := disk.New(cfg.Dir)
	v := &verifier{report: report}
	m, err := manifest.View(vol)
	if err != nil {
		return 0, cmp.Or(verdict, err)
	}
	defer func() { _ = m.Close() }()
	if v.logs, err = durable.OpenDir(vol.Logs("")); err != nil {
		return 0, cmp.Or(verdict, err)
	}
	defer func() { _ = v.logs.Close() }()
	if v.tree, err = os.Open(vol.Path(merkle.Path)); err == nil {
		defer func() { _ = v.tree.Close() }()
	}
	_, err = m.Scan(manifest.Position{}, manifest.AllFlushed, v.line)
	return v.checked, cmp.Or(verdict, err)
}

type verifier struct {
	report  func(Difference)
	logs    *durable.Dir
	tree    *os.File // nil: it cannot be read
	checked uint64
}

// line looks at one line of the manifest, and at the log file that it is about.
func (v *verifier) line(p manifest.Place, e logfile.Entry, line []byte) error {
	v.checked++
	if reason := v.file(e); reason != "" {
		v.report(Difference{p.Seq, e.File, reason})
	}
	// The checkpoint may lag; the tree has the newest lines too.
	if v.tree != nil && merkle.Differs(v.tree, p.Seq, line) {
		v.report(Difference{p.Seq, logfile.ManifestName, fmt.Sprintf("line %d is not the one that was signed", p.Seq)})
	}
	return nil
}

func (v *verifier) file(e logfile.Entry) string {
	var f *os.File
	err := v.logs.Within(e.File, func(in *durable.Dir, name string) (err error) {
		f, err = in.Open(name, os.O_RDONLY, 0)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return "missing"
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
