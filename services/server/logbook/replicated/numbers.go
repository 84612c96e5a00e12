package replicated

import (
	"fmt"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/replicated/fold"
)

// NumberError means that the volume keeps messages that are not in the log, so that those that
// are would have other numbers here than on the other servers. It was written to by a server
// alone, or it is of another log.
type NumberError struct {
	Position  uint64 // of the message
	Want, Got uint64 // its number by the log, and on the volume
}

func (e *NumberError) Error() string {
	if e.Position == 0 {
		return fmt.Sprintf("this volume keeps %d messages, and the replicated log has %d: "+
			"copy another server's volume to it", e.Got, e.Want)
	}
	return fmt.Sprintf("the message at position %d of the replicated log has number %d, and %d on this volume, which has "+
		"messages that are not in the log: copy another server's volume to it", e.Position, e.Want, e.Got)
}

// numbered takes what came of a message that the volume keeps already, in its turn.
func (p *passing) numbered(step fold.Step, facts logbook.Facts) error {
	u := p.window.begin(step.Position, step.Time)
	err := p.window.numbered(u, facts)
	p.window.end(u, err)
	return err
}

// countUp compares how many messages the volume keeps with how many the log has, once it has
// come to where that ended.
func (p *passing) countUp() error {
	if p.counted {
		return nil
	}
	if err := p.window.wait(); err != nil {
		return err
	}
	if want, got := p.window.messages(), p.Len(); want != got {
		return &NumberError{Want: want, Got: got}
	}
	p.counted = true
	return nil
}
