package intake

import (
	"maps"
	"slices"
)

// Recheck ends the sessions whose token is no longer valid, be they idle or in
// the middle of a message. It is to be called after tokens were removed; a
// session also looks at its token at each offer.
func (s *Server) Recheck() {
	s.mu.Lock()
	sessions := slices.Collect(maps.Keys(s.sessions))
	s.mu.Unlock()
	for _, d := range sessions {
		if session, ok := d.(*session); ok { // the 2012 wire has no tokens
			session.recheck()
		}
	}
}

// recheck ends the session if its token is not valid. Complete messages still
// get their answers; one under way is dropped. A session that is not logged in goes on as
// it is.
func (s *session) recheck() {
	hash := s.tokenHash.Load()
	if hash != nil && !s.server.cfg.Senders.StillValid(*hash) {
		s.reads.revoke()
	}
}
