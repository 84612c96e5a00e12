package stream

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ack is what a stream's leader answers to an entry.
type ack struct {
	Stream    string              `json:"stream"`
	Position  uint64              `json:"seq"`
	Duplicate bool                `json:"duplicate"`
	Error     *jetstream.APIError `json:"error"`
}

var errNoLeader = errors.New("no node takes entries of the stream now")

// parseAck returns the position in an acknowledgement of a stream. The error is ErrFull
// or ErrUnknown.
func parseAck(m *nats.Msg, stream string) (uint64, error) {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return 0, unknown(errNoLeader)
	}
	var a ack
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return 0, unknown(fmt.Errorf("an acknowledgement that is none: %w", err))
	}
	switch {
	case a.Error != nil && full(a.Error):
		return 0, fmt.Errorf("%w: %w", ErrFull, a.Error)
	case a.Error != nil:
		return 0, unknown(a.Error)
	case a.Stream != stream || a.Position == 0 || a.Duplicate:
		return 0, unknown(fmt.Errorf("an acknowledgement of another entry: %s", m.Data))
	}
	return a.Position, nil
}

// Errors of a node that has no room (server/errors.json of nats-server).
const (
	codeAccountFull = 10002
	codeNodeFull    = 10023
	codeNotStored   = 10077
	codeStorageFull = 10047
)

// full reports whether an entry was refused for want of space. Of what is not stored
// only the text says why; after all other reasons the entry may be stored by others.
func full(e *jetstream.APIError) bool {
	switch e.ErrorCode {
	case codeAccountFull, codeNodeFull, codeStorageFull:
		return true
	case codeNotStored:
		return e.Description == "maximum bytes exceeded"
	}
	return false
}
