package collector

import (
	"fmt"
	"io"
	"math"

	"sealpost/shared/digest"
	"sealpost/shared/logfile"
)

// checkFile checks a log file against its manifest line: its size and
// SHA-256, and what it says. The errors are ErrSize, ErrDigest, ErrContent and
// those of reading.
func checkFile(f io.ReaderAt, e logfile.Entry) error {
	size, sum, err := digest.Within(io.NewSectionReader(f, 0, math.MaxInt64), e.FileSize)
	switch {
	case err != nil:
		return err
	case size != e.FileSize:
		return ErrSize
	case sum != e.FileSHA256:
		return ErrDigest
	}
	return checkContent(f, e)
}

// checkContent parses the log file in r and compares its header with the
// manifest line, and its decrypted section with the line's SHA-256. The header's
// time has no zone and is left alone.
func checkContent(r io.ReaderAt, e logfile.Entry) error {
	parsed, err := logfile.Parse(r, int64(e.FileSize))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrContent, err)
	}
	want := logfile.Head{
		ReceivedAt: parsed.ReceivedAt, Size: e.Size, EncryptedSize: e.EncryptedSize,
		Cipher: e.Cipher, Sender: e.Sender, Name: e.Name, ID: e.ID,
	}
	if parsed.Head != want {
		return fmt.Errorf("%w: its header differs", ErrContent)
	}
	_, sum, err := digest.Of(parsed.Plain())
	if err == nil && sum != e.SHA256 {
		err = fmt.Errorf("%w: the message in it has another SHA-256", ErrContent)
	}
	return err
}
