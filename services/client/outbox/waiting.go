package outbox

import (
	"errors"
	"io/fs"

	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/group"
	"sealpost/services/client/outbox/scan"
	"sealpost/shared/durable"
	"sealpost/shared/ignore"
)

// Waiting counts the messages that lie in an outbox, with recursive also below it,
// and are not sent yet, in whose hands they may be.
func Waiting(dir string, ignored ignore.Patterns, recursive bool) (int, error) {
	d, err := durable.OpenDir(dir)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	waiting, err := waitingFiles(d, scan.Config{Recursive: recursive, Ignore: ignored, Most: part})
	if err != nil {
		return 0, err
	}
	claimed, err := claimed(d)
	return waiting + claimed, err
}

func waitingFiles(d *durable.Dir, cfg scan.Config) (n int, err error) {
	for piece, err := range scan.Files(d, cfg) {
		if err != nil {
			return 0, err
		}
		n += len(piece.Names)
	}
	return n, nil
}

// claimed counts the messages in groups.
func claimed(d *durable.Dir) (n int, err error) {
	sending, err := d.Sub(box.Sending)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer sending.Close()
	ids, err := group.IDs(sending)
	for _, id := range ids {
		messages, e := group.Count(sending, id)
		n, err = n+messages, errors.Join(err, e)
	}
	return n, err
}
