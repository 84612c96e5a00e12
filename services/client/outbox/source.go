package outbox

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"sealpost/shared/logfile"
)

// errNotRegular means that what was claimed is a link, a pipe or a directory.
var errNotRegular = errors.New("not a regular file")

// openMessage opens a regular file and follows no link at its end: the name
// may have changed hands since it was listed.
func openMessage(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, errNotRegular
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if !info.Mode().IsRegular() {
		f.Close()
		return nil, errNotRegular
	}
	return f, nil
}

// measure reads a message once for its size and hash, and makes its bytes
// durable: the record that will speak of them must not outlive them.
func measure(path string) (size uint64, sum logfile.Digest, err error) {
	f, err := openMessage(path)
	if err != nil {
		return 0, sum, err
	}
	defer f.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	if err != nil {
		return 0, sum, err
	}
	hash.Sum(sum[:0])
	return uint64(n), sum, f.Sync()
}
