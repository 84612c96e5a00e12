package receipts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sealpost/services/driver/audit"
	"sealpost/shared/bounded"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/digest"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

const (
	reasonSuffix = ".reason"
	// reasonMax bounds what is read of a reason: it is meant for one line.
	reasonMax = 4 << 10
)

// openedReceipt is a receipt that was opened and fits the message file beside it.
type openedReceipt struct {
	path  string
	line  []byte
	entry logfile.Entry
	tree  receipt.Checkpoint
}

// Set is the receipts of an outbox, to be held against the manifest.
type Set struct {
	verifier *receipt.Verifier
	opened   map[uint64][]openedReceipt
	matched  map[receipt.Checkpoint]int // how many receipts of a tree
	heads    []audit.Head
	failures []error
}

// Load opens every receipt in dir/sent and compares it with the message file
// beside it, and lists what lies in dir/refused. What is wrong, or cannot be
// read, is found in Failures.
func Load(dir string, pins identity.Pins) *Set {
	s := &Set{verifier: receipt.NewVerifier(pins), opened: map[uint64][]openedReceipt{},
		matched: map[receipt.Checkpoint]int{}}
	s.load(dir)
	if len(s.opened) == 0 && len(s.failures) == 0 {
		s.fail(filepath.Join(dir, sentDir), -1, ErrNone)
	}
	return s
}

func (s *Set) load(path string) {
	dir, err := durable.OpenDir(path)
	if err != nil {
		s.fail(path, -1, err)
		return
	}
	defer dir.Close()
	s.eachDir(dir, refusedDir, s.refused)
	s.eachDir(dir, sentDir, s.sent)
}

// eachDir calls read for every directory in one of the outbox's directories,
// with the names of the files in it.
func (s *Set) eachDir(dir *durable.Dir, name string, read func(d *durable.Dir, files []string)) {
	parent, err := dir.Sub(name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		s.fail(filepath.Join(dir.Path(), name), -1, causeOf(err))
		return
	}
	defer parent.Close()
	found, err := names(parent, func(fs.DirEntry) bool { return true })
	if err != nil {
		s.fail(parent.Path(), -1, err)
	}
	for _, name := range found {
		if err := readIn(parent, name, read); err != nil {
			s.fail(filepath.Join(parent.Path(), name), -1, causeOf(err))
		}
	}
}

func readIn(parent *durable.Dir, name string, read func(d *durable.Dir, files []string)) error {
	d, err := parent.Sub(name)
	if err != nil {
		return err
	}
	defer d.Close()
	files, err := names(d, isFile)
	if err == nil {
		read(d, files)
	}
	return err
}

// causeOf leaves out the path, which an Error has.
func causeOf(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func (s *Set) fail(path string, seq int64, cause error) {
	s.failures = append(s.failures, &Error{Path: path, Seq: seq, Cause: cause})
}

// refused reads why the message in a directory of refused/ was refused.
func (s *Set) refused(d *durable.Dir, files []string) {
	path := d.Path()
	what, reason := path, "no reason was left"
	for _, name := range files {
		if !strings.HasSuffix(name, reasonSuffix) {
			what = filepath.Join(path, name)
			continue
		}
		text, err := d.ReadFile(name, reasonMax)
		if err != nil {
			s.fail(filepath.Join(path, name), -1, err)
			continue
		}
		reason = strings.TrimSpace(string(text))
	}
	s.fail(what, -1, fmt.Errorf("%w: %s", ErrRefused, message.Visible(reason)))
}

// sent takes in a directory of sent/: a message file NAME and NAME.tlog-proof. A
// message may itself be called something.tlog-proof, so a receipt is what has
// its message beside it.
func (s *Set) sent(d *durable.Dir, files []string) {
	path := d.Path()
	there := map[string]bool{}
	for _, name := range files {
		there[name] = true
	}
	for _, name := range files {
		base, named := strings.CutSuffix(name, receipt.FileSuffix)
		full := filepath.Join(path, name)
		switch {
		case named && there[base]: // looked at with its message
		case there[name+receipt.FileSuffix]:
			s.open(d, name)
		case named:
			s.fail(full, -1, ErrNoMessage)
		default:
			s.fail(full, -1, ErrNoReceipt)
		}
	}
	if len(files) == 0 {
		s.fail(path, -1, ErrNoReceipt)
	}
}

// open checks the receipt of a message file.
func (s *Set) open(d *durable.Dir, name string) {
	path := filepath.Join(d.Path(), name)
	c, err := s.verify(d, name+receipt.FileSuffix)
	if err != nil {
		s.fail(c.path, -1, err)
		return
	}
	seq := int64(c.entry.Seq)
	if c.entry.ID.String() != filepath.Base(d.Path()) {
		s.fail(c.path, seq, ErrID)
		return
	}
	if err := checkMessage(d, name, c.entry); err != nil {
		s.fail(path, seq, err)
		return
	}
	s.opened[c.entry.Seq] = append(s.opened[c.entry.Seq], c)
}

// verify opens a receipt. Of one that does not hold only the path is returned.
func (s *Set) verify(d *durable.Dir, name string) (openedReceipt, error) {
	c := openedReceipt{path: filepath.Join(d.Path(), name)}
	text, err := d.ReadFile(name, receipt.MaxSize)
	if errors.Is(err, bounded.ErrTooLong) {
		err = fmt.Errorf("%w: more than %d bytes", receipt.ErrMalformed, receipt.MaxSize)
	}
	if err != nil {
		return c, err
	}
	opened, err := s.verifier.Open(text)
	if err != nil {
		return c, err
	}
	c.line, c.tree = opened.Line, opened.Checkpoint
	s.heads = append(s.heads, audit.Head{Source: "outbox: " + c.path, Checkpoint: c.tree})
	c.entry, err = logfile.OfReceipt(opened)
	return c, err
}

// checkMessage compares the file that was sent with what the receipt says.
func checkMessage(d *durable.Dir, name string, e logfile.Entry) error {
	f, err := d.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, sum, err := digest.Within(f, e.Size)
	if err == nil && sum != e.SHA256 {
		err = ErrMessage
	}
	return err
}
