package local

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"sealpost/shared/logfile"
)

// Difference is one thing that Verify found.
type Difference struct {
	Seq    uint64
	File   string
	Reason string
}

func (d Difference) String() string { return fmt.Sprintf("%s: %s", d.File, d.Reason) }

// Verify compares every log file on the volume dir with its manifest line and
// gives each difference to report. It reads only, also beside a running server:
// it looks at the lines that were there when it began.
func Verify(dir string, report func(Difference)) (checked uint64, err error) {
	vol := &volume{dir: dir, step: noFault}
	f, err := os.Open(vol.logs(logfile.ManifestName))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	m := &manifest{vol: vol, file: f}
	_, err = m.scan(position{}, allFlushed, func(p place, e logfile.Entry) error {
		if reason := verifyFile(vol.logs(e.File), e); reason != "" {
			report(Difference{p.seq, e.File, reason})
		}
		checked++
		return nil
	})
	return checked, err
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
