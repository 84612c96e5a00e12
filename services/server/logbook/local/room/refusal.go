package room

import "time"

// refusal is one of room.
type refusal struct {
	sender string
	at     time.Time
}

func (s *Space) noteRefused(sender string, now time.Time) {
	if s.refused[0].sender != sender {
		s.refused[1] = s.refused[0]
	}
	s.refused[0] = refusal{sender, now}
}

// wanted reports whether another than sender was refused room lately.
func (s *Space) wanted(sender string) bool {
	for _, r := range s.refused {
		if r.sender != sender && time.Since(r.at) < holdFor {
			return true
		}
	}
	return false
}
