package days

import (
	"errors"
	"os"
	"strings"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

const (
	receiptSuffix = receipt.FileSuffix
	reasonSuffix  = ".reason"
	reasonID      = "\nmessage " // before the id, at the end of a reason
	reasonMax     = 2 << 10      // bytes of a reason in words
)

var (
	errForeign = durable.ErrNotOurs
	errText    = errors.New("the receipt is not one for this message")
)

func (k Kind) suffix() string {
	if k == Refused {
		return reasonSuffix
	}
	return receiptSuffix
}

// hidden is the name of a text before it shows. Nothing else has it, as nobody
// else ends the message: what lies there is from before a crash.
func (k Kind) hidden(id message.ID) string { return "." + id.String() + k.suffix() }

// isHidden reports whether a name is one of hidden's.
func (k Kind) isHidden(name string) bool {
	text, ours := strings.CutSuffix(name, k.suffix())
	digits, dotted := strings.CutPrefix(text, ".")
	_, err := message.ParseID(digits)
	return ours && dotted && err == nil
}

// textOf returns what is written beside a message.
func (k Kind) textOf(item Item) ([]byte, error) {
	if k == Refused {
		words := message.Visible(string(item.Text[:min(len(item.Text), reasonMax)]))
		return []byte(message.Cut(words, reasonMax) + reasonID + item.ID.String() + "\n"), nil
	}
	if id, ok := k.idOf(item.Text); !ok || id != item.ID {
		return nil, errText
	}
	return item.Text, nil
}

// idOf returns the id that a text names: false where it is not whole, as a power
// cut leaves one.
func (k Kind) idOf(text []byte) (message.ID, bool) {
	if k == Refused {
		whole, ended := strings.CutSuffix(string(text), "\n")
		at := strings.LastIndex(whole, reasonID)
		if !ended || at < 0 {
			return message.ID{}, false
		}
		id, err := message.ParseID(whole[at+len(reasonID):])
		return id, err == nil
	}
	line, err := receipt.LineOf(text)
	if err != nil {
		return message.ID{}, false
	}
	entry, err := logfile.ParseLine(line)
	return entry.ID, err == nil
}

// read reads a text, and none of a third user's.
func (p Place) read(in *durable.Dir, name string) ([]byte, error) {
	return in.ReadFileIf(name, receipt.MaxSize, func(f *os.File) error {
		info, err := durable.Stat(f)
		if err == nil && !info.OursOr(p.Owner) {
			err = errForeign
		}
		return err
	})
}

// whole reports whether a text is there whole, and whose it is.
func (p Place) whole(in *durable.Dir, name string) (id message.ID, whole bool, err error) {
	text, err := p.read(in, name)
	if err != nil {
		return id, false, err
	}
	id, whole = p.Kind.idOf(text)
	return id, whole, nil
}

// write writes an item's text under its hidden name. The file stays open, to be
// flushed.
func (p Place) write(in *durable.Dir, item Item) (*os.File, error) {
	text, err := p.Kind.textOf(item)
	if err != nil {
		return nil, err
	}
	name := p.Kind.hidden(item.ID)
	f, err := in.Create(name, fileMode, p.Heir)
	if errors.Is(err, os.ErrExist) {
		if err := in.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		f, err = in.Create(name, fileMode, p.Heir)
	}
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(text); err != nil {
		_ = f.Close()
		_ = in.Remove(name)
		return nil, err
	}
	return f, nil
}

// clear removes a text that is not whole: a power cut left it, before its message
// was moved beside it. It says nothing, so whoever comes removes it. Who does so
// holds the lock on it, so that nobody removes what another one has put under the
// name since: texts show only when they are whole.
func (p Place) clear(in *durable.Dir, name string) {
	lock, err := in.TryLockThere(name)
	if err != nil {
		return
	}
	defer lock.Close()
	if info, err := lock.Info(); err != nil || !info.OursOr(p.Owner) {
		return
	}
	if _, whole, err := p.whole(in, name); err == nil && !whole {
		_ = in.Remove(name)
	}
}
