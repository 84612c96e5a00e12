package cluster

import (
	"errors"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/replicated"
	"sealpost/services/server/state/shared"
)

// Leave makes volumes those of a server that has the logbook alone. It changes nothing else: the
// messages stay, the identity and the senders. durable.ErrLocked means that a server has them.
func Leave(dataDir, stateDir string) (err error) {
	lock, err := local.Lock(dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := shared.Leave(stateDir); err != nil {
		return err
	}
	return replicated.ForgetState(dataDir)
}
