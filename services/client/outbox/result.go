package outbox

import (
	"sealpost/services/client/courier"
	"sealpost/shared/message"
)

// Result is a message that has come to its end.
type Result struct {
	ID   message.ID
	Name string
	// Delivery is the server's answer; zero for a message that was refused.
	Delivery courier.Delivery
	Receipt  string // path of the kept receipt, "" for a message that was refused
	Refused  string // why; "" for a message that was sent
}

// settled tells of a message, whose file and receipt or reason are in their places.
func (o *run) settled(r Result) {
	if o.Settled != nil {
		o.Settled(r)
	}
}
