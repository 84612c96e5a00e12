package collector

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"

	"sealpost/shared/logfile"
)

// CheckFile checks a log file against its manifest line: its size and
// SHA-256, and what it says. The errors are ErrSize, ErrDigest, ErrContent and
// those of reading.
func CheckFile(f io.ReaderAt, e logfile.Entry) error {
	sum := sha256.New()
	// One byte more than there should be is enough to tell.
	n, err := io.Copy(sum, io.NewSectionReader(f, 0, int64(e.FileSize)+1))
	switch {
	case err != nil:
		return err
	case uint64(n) != e.FileSize:
		return fmt.Errorf("%w", ErrSize)
	case !bytes.Equal(sum.Sum(nil), e.FileSHA256[:]):
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
	sum := sha256.New()
	if _, err := io.Copy(sum, parsed.Plain()); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), e.SHA256[:]) {
		return fmt.Errorf("%w: the message in it has another SHA-256", ErrContent)
	}
	return nil
}
