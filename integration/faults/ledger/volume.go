package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sealpost/shared/digest"
	"sealpost/shared/logfile"
)

// logs is the directory with the log files of the volume dir.
func logs(dir, name string) string { return filepath.Join(dir, "logs", name) }

// logFile is a log file as it was read.
type logFile struct {
	path    string // below logs/
	key     key
	content Content
	size    uint64
	digest  logfile.Digest // of the whole file
}

// readLogFile reads a log file to its end. The error says why it is not whole,
// judged by the file alone.
func readLogFile(path string) (logFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return logFile{}, err
	}
	f := logFile{size: uint64(len(text)), digest: sha256.Sum256(text)}
	parsed, err := logfile.Parse(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return f, fmt.Errorf("%d bytes: %w", len(text), err)
	}
	_, plain, err := digest.Of(parsed.Plain())
	if err != nil {
		return f, err
	}
	f.key = key{parsed.Sender, parsed.ID}
	f.content = Content{Name: parsed.Name, Cipher: parsed.Cipher, Size: parsed.Size, SHA256: plain}
	if parsed.Cipher == "2012" && !parsed.CiphertextLeftOut {
		if _, err := io.Copy(io.Discard, parsed.Ciphertext()); err != nil {
			return f, err
		}
	}
	return f, nil
}

// wholeLines cuts off what a writer has not finished yet.
func wholeLines(text []byte) []byte { return text[:bytes.LastIndexByte(text, '\n')+1] }

// names lists what lies beside the log files, and the paths of these by number.
func names(dir string) (numbers map[uint64]string, others []string, err error) {
	entries, err := os.ReadDir(logs(dir, ""))
	if err != nil {
		return nil, nil, err
	}
	var paths []string
	for _, e := range entries {
		if !e.IsDir() || !logfile.IsShard(e.Name()) {
			paths = append(paths, e.Name())
			continue
		}
		inside, err := os.ReadDir(logs(dir, e.Name()))
		if err != nil {
			return nil, nil, err
		}
		for _, file := range inside {
			paths = append(paths, e.Name()+"/"+file.Name())
		}
	}
	numbers = make(map[uint64]string)
	for _, path := range paths {
		seq, ok := logfile.ParsePath(path)
		if _, twice := numbers[seq]; ok && !twice {
			numbers[seq] = path
			continue
		}
		others = append(others, path)
	}
	return numbers, others, nil
}
