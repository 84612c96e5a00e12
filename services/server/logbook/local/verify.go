package local

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// Difference is one thing that Verify found.
type Difference struct {
	Seq    uint64 // the message, where it is about one
	File   string
	Reason string
}

func (d Difference) String() string { return fmt.Sprintf("%s: %s", d.File, d.Reason) }

// Verify compares every log file on the volume dir with its manifest line, every
// line with the hash of it that was signed, and the whole manifest with the
// checkpoint beside it, and gives each difference to report. It reads only, also
// beside a running server: it looks at the lines that were there when it began.
func Verify(dir string, notary Notary, report func(Difference)) (checked uint64, err error) {
	vol := &volume{dir: dir, step: noFault}
	v := &verifier{vol: vol, report: report}
	if err := v.readCheckpoint(notary); err != nil {
		return 0, err
	}
	f, err := os.Open(vol.path(manifestPath))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	if v.tree, err = os.Open(vol.path(treePath)); err == nil {
		defer func() { _ = v.tree.Close() }()
	}
	m := &manifest{vol: vol, file: f}
	if _, err := m.scan(position{}, allFlushed, v.line); err != nil {
		return v.checked, err
	}
	v.compareCheckpoint()
	return v.checked, nil
}

type verifier struct {
	vol     *volume
	report  func(Difference)
	signed  *receipt.Checkpoint // nil: none lies beside the manifest
	tree    *os.File            // nil: it cannot be read
	lines   receipt.Hasher      // as many as were signed
	checked uint64
}

func (v *verifier) readCheckpoint(notary Notary) error {
	text, err := v.vol.readCheckpoint()
	if err != nil || text == nil {
		return err
	}
	c, err := notary.OpenCheckpoint(text)
	if err != nil {
		v.report(Difference{File: logfile.CheckpointName, Reason: err.Error()})
		return nil
	}
	v.signed = &c
	return nil
}

// line looks at one line of the manifest, and at the log file that it is about.
func (v *verifier) line(p place, e logfile.Entry, line []byte) error {
	v.checked++
	if reason := verifyFile(v.vol.logs(e.File), e); reason != "" {
		v.report(Difference{p.seq, e.File, reason})
	}
	if v.signed != nil && p.seq < v.signed.Size {
		v.lines.Add(line)
	}
	if v.tree == nil {
		return nil
	}
	// The checkpoint may lag; the tree has the newest lines too. A power cut
	// leaves zeros where a hash was not flushed.
	var was, none tlog.Hash
	_, err := v.tree.ReadAt(was[:], tlog.StoredHashIndex(0, int64(p.seq))*tlog.HashSize)
	if err == nil && was != none && was != tlog.RecordHash(line) {
		v.report(Difference{p.seq, logfile.ManifestName, fmt.Sprintf("line %d is not the one that was signed", p.seq)})
	}
	return nil
}

func (v *verifier) compareCheckpoint() {
	switch {
	case v.signed == nil:
	case v.checked < v.signed.Size:
		v.report(Difference{File: logfile.ManifestName,
			Reason: fmt.Sprintf("it has %d lines, the checkpoint was signed for %d", v.checked, v.signed.Size)})
	case v.lines.Root() != v.signed.Root:
		v.report(Difference{File: logfile.ManifestName,
			Reason: fmt.Sprintf("its first %d lines are not those that the checkpoint was signed for", v.signed.Size)})
	}
}

func verifyFile(path string, e logfile.Entry) string {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "missing"
	}
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	digest := sha256.New()
	n, err := io.Copy(digest, f)
	switch {
	case err != nil:
		return err.Error()
	case uint64(n) != e.FileSize:
		return fmt.Sprintf("%d bytes instead of %d", n, e.FileSize)
	case !bytes.Equal(digest.Sum(nil), e.FileSHA256[:]):
		return "content differs from its SHA-256 in the manifest"
	}
	return ""
}
