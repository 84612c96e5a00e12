package handon

import (
	"errors"

	"sealpost/services/driver/collector"
	"sealpost/shared/durable"
)

// AcceptLogbook is [collector.Output.AcceptLogbook] for an output directory, while nobody
// hands on from it: the position goes aside with all else, since numbers begin anew.
func AcceptLogbook(dir, id string) (former string, err error) {
	out, err := collector.OpenOutput(dir)
	if err != nil {
		return "", err
	}
	defer out.Close()
	lock, err := out.LockFile(lockName)
	if errors.Is(err, durable.ErrLocked) {
		return "", ErrInUse
	}
	if err != nil {
		return "", err
	}
	defer lock.Close()
	return out.AcceptLogbook(id, positionName)
}
