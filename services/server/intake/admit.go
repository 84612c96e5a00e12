package intake

import (
	"net"

	"github.com/rs/zerolog"

	"sealpost/shared/framing"
)

// admit starts a session for conn, or closes it when there are too many.
func (s *Server) admit(conn net.Conn, open opener) {
	if s.fromProxy(conn.RemoteAddr()) {
		s.admitProxied(conn, open)
		return
	}
	log := s.logOf(conn)
	address := hostOf(conn.RemoteAddr())
	if !s.gate.enter(address) {
		s.tooMany(conn, log)
		return
	}
	session := open(conn, log)
	if !s.add(session) {
		s.gate.leave(address)
		_ = conn.Close()
		return
	}
	s.cfg.Metrics.Connections.Inc()
	go func() {
		defer s.running.Done()
		defer s.gate.leave(address)
		defer s.cfg.Metrics.Connections.Dec()
		defer s.remove(session)
		session.run()
	}()
}

// admitProxied waits in a goroutine for the header of a proxy's connection, then
// runs the session of the client behind it.
func (s *Server) admitProxied(conn net.Conn, open opener) {
	if !s.gate.enterUnknown() {
		s.tooMany(conn, s.logOf(conn))
		return
	}
	waiting := &proxyWait{conn: conn}
	if !s.add(waiting) {
		s.gate.leaveUnknown()
		_ = conn.Close()
		return
	}
	s.cfg.Metrics.Connections.Inc()
	go func() {
		defer s.running.Done()
		defer s.cfg.Metrics.Connections.Dec()
		s.runProxied(waiting, open)
	}()
}

// runProxied reads the header and runs the session.
func (s *Server) runProxied(waiting *proxyWait, open opener) {
	defer s.remove(waiting)
	conn, err := introduce(waiting.conn, s.cfg.Limits.Handshake)
	if err != nil {
		s.gate.leaveUnknown()
		s.endProxied(waiting, err)
		return
	}
	log := s.logOf(conn).With().Str("proxy", waiting.conn.RemoteAddr().String()).Logger()
	address := hostOf(conn.RemoteAddr())
	if !s.gate.become(address) {
		s.gate.leaveUnknown()
		s.tooMany(conn, log)
		return
	}
	defer s.gate.leave(address)
	session := open(conn, log)
	if !s.replace(waiting, session) {
		_ = conn.Close()
		return
	}
	defer s.remove(session)
	session.run()
}

// endProxied closes a proxy's connection that did not say whom it is from. One
// that ends without a byte was a check that the port is open.
func (s *Server) endProxied(waiting *proxyWait, err error) {
	_ = waiting.conn.Close()
	log := s.logOf(waiting.conn)
	switch {
	case waiting.stopped.Load():
		s.noteClosed(waiting.conn, log, zerolog.InfoLevel, errShuttingDown.code.String(), errShuttingDown)
	case isProbe(err):
		log.Debug().Msg("proxy left")
	default:
		s.noteClosed(waiting.conn, log, zerolog.WarnLevel, reasonProxyHeader, err)
	}
}

func (s *Server) tooMany(conn net.Conn, log zerolog.Logger) {
	s.noteClosed(conn, log, zerolog.WarnLevel, framing.CodeBusy.String(), errTooMany)
	_ = conn.Close()
}

func (s *Server) logOf(conn net.Conn) zerolog.Logger {
	return s.cfg.Log.With().Str("remote", conn.RemoteAddr().String()).Logger()
}
