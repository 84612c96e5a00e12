package intake

import (
	"net"

	"github.com/rs/zerolog"

	"sealpost/shared/logging/floods"
)

// Lines that peers can cause as often as they like are summed up in the log; the
// metrics count every event. A message that is kept always has its line.

// Reasons why a connection ended badly, beside the names of codes.
const (
	reasonTokenRemoved = "token removed"
	reasonHandshake    = "handshake failed"
	reasonNotTaken     = "answers not taken"
	reasonLost         = "connection lost"
	reasonProxyHeader  = "proxy header"
)

var closedReasons = []string{reasonTokenRemoved, reasonHandshake, reasonNotTaken, reasonLost, reasonProxyHeader}

// noteClosed tells log and counters that a connection ended badly.
func (s *Server) noteClosed(conn net.Conn, log zerolog.Logger, level zerolog.Level, reason string, err error) {
	const what = "connection closed"
	s.cfg.Metrics.ended(reason)
	if s.passOf(conn, level, what, reason) {
		log.WithLevel(level).Err(err).Str("reason", reason).Msg(what)
	}
}

// noteConnected logs that a client has begun to speak.
func (s *Server) noteConnected(conn net.Conn, log zerolog.Logger) {
	const what = "client connected"
	if s.passOf(conn, zerolog.InfoLevel, what, "") {
		log.Info().Msg(what + " from " + conn.RemoteAddr().String())
	}
}

// passOf asks for an event of an address.
func (s *Server) passOf(conn net.Conn, level zerolog.Level, what, reason string) bool {
	return s.cfg.Sums.Pass(floods.Event{Level: level, What: what, Reason: reason, By: "address",
		Who: hostOf(conn.RemoteAddr())})
}

// pass asks for an event of the session's sender.
func (s *session) pass(level zerolog.Level, what, reason string) bool {
	return s.server.cfg.Sums.Pass(floods.Event{Level: level, What: what, Reason: reason, By: "sender", Who: s.sender})
}
