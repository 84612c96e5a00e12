package local

import (
	"cmp"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
)

// Order is what comes from outside for a message whose order and time are decided there,
// with what the bytes of its log file depend on: these must not depend on the server.
type Order struct {
	Position      uint64 // of the message in what orders it, from 1 on
	Received      time.Time
	Zone          *time.Location // of the time in the log file
	CiphertextMax uint64         // longer base64 is left out of the log file
	Row           *engine.Row
}

// StageOrdered is Stage for a message that is ordered from outside. They are committed in
// the order in which Commit is called for them. No part is kept of one that is cut off.
func (l *Logbook) StageOrdered(d logbook.Draft, o Order) (logbook.Staged, error) {
	return l.stage(d, &o)
}

// arrived is when the message was received.
func (s *staged) arrived() time.Time {
	if s.order != nil {
		return s.order.Received
	}
	return s.l.cfg.now()
}

// message is what the engine takes.
func (s *staged) message(then func(logbook.Facts, error)) *engine.Message {
	order := cmp.Or(s.order, new(Order))
	return &engine.Message{
		Draft: s.draft, Received: s.received, Position: order.Position, Row: order.Row, Body: s, Then: then,
	}
}
