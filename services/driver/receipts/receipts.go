package receipts

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	// reasonMax bounds what is read of a reason: it is meant for one line, and an id.
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
	alone    []string // paths of messages that were not beside their receipts
	others   int      // receipts of other logbooks
	failures []error
}

// Load opens every receipt in dir/sent and compares it with the message file
// beside it, and lists what lies in dir/refused. What is wrong, or cannot be
// read, is found in Failures.
func Load(dir string, pins identity.Pins) *Set {
	s := &Set{verifier: receipt.NewVerifier(pins), opened: map[uint64][]openedReceipt{},
		matched: map[receipt.Checkpoint]int{}}
	d, err := durable.OpenDir(dir)
	if err != nil {
		s.fail(dir, -1, err)
		return s
	}
	defer d.Close()
	s.eachFolder(d, refusedDir, s.refused)
	s.eachFolder(d, sentDir, s.sent)
	s.lookAgain(d)
	return s
}

func (s *Set) fail(path string, seq int64, cause error) {
	s.failures = append(s.failures, &Error{Path: path, Seq: seq, Cause: cause})
}

// refused reads why messages were refused: NAME lies beside NAME.reason.
func (s *Set) refused(f folder) {
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		of, isReason := strings.CutSuffix(name, reasonSuffix)
		switch {
		case !isReason && f.files[name+reasonSuffix]: // comes with its reason
			continue
		case !isReason:
			s.refusal(f, name, "no reason was left")
			continue
		case !f.files[of]:
			of = name
		}
		text, err := f.ReadFile(name, reasonMax)
		if err != nil {
			s.fail(filepath.Join(f.Path(), name), -1, err)
			continue
		}
		reason, _, _ := strings.Cut(string(text), "\n") // the id comes behind it
		s.refusal(f, of, reason)
	}
}

func (s *Set) refusal(f folder, name, reason string) {
	s.fail(filepath.Join(f.Path(), name), -1, fmt.Errorf("%w: %s", ErrRefused, message.Visible(reason)))
}

// sent takes in message files, NAME, and their receipts, NAME.tlog-proof. In what
// earlier clients left a message may itself be called something.tlog-proof, so a
// receipt is what has its message beside it.
func (s *Set) sent(f folder) {
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		of, named := strings.CutSuffix(name, receipt.FileSuffix)
		switch {
		case named && f.files[of]: // looked at with its message
		case f.files[name+receipt.FileSuffix]:
			s.open(f.Dir, name)
		case isSuperseded(name): // it was true of a logbook, or an end of one, that is gone
		case named:
			s.alone = append(s.alone, filepath.Join(f.Path(), of))
		default:
			s.fail(filepath.Join(f.Path(), name), -1, ErrNoReceipt)
		}
	}
}

func isSuperseded(name string) bool {
	_, ok := receipt.SupersededOf(name)
	return ok
}

// open checks the receipt of a message file.
func (s *Set) open(d *durable.Dir, name string) {
	path := filepath.Join(d.Path(), name)
	c, err := s.verify(d, name+receipt.FileSuffix)
	if err != nil {
		s.fail(c.path, -1, err)
		return
	}
	if err := checkMessage(d, name, c.entry); err != nil {
		s.fail(path, int64(c.entry.Seq), err)
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
