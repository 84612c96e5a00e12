package outbox

import (
	"hash/maphash"
	"iter"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/scan"
	"sealpost/services/client/outbox/watch"
	"sealpost/shared/ignore"
)

// sweep reads DIR, and with recursive what is below it, from its start to its end,
// a part at a time, again and again. It keeps no list of what is there. While one
// sweep is long it looks now and then for names that have come since. It is for one
// goroutine.
type sweep struct {
	box       *box.Box
	recursive bool
	ignore    ignore.Patterns
	log       zerolog.Logger
	watch     *watch.Watch  // tells when another sweep is due; nil: nothing does
	late      time.Duration // between looks for what came late; below 0: no pause, for tests

	read    func() (scan.Piece, error, bool) // nil between two sweeps
	stop    func()
	began   time.Time
	parts   int
	odd     map[string]string
	ignored int
	told    notices

	looked time.Time // when the last look ended
	pause  time.Duration
	known  *nameSet // what was there then; nil: no look in this sweep
}

// part is how many names are read of a directory at once.
const part = 256

// next returns the next names of messages, about most. ended is true at the end of a
// sweep; the next call begins another one.
func (s *sweep) next(most int) (names []string, ended bool, err error) {
	if s.read == nil {
		if err := s.begin(most); err != nil {
			return nil, false, err
		}
	}
	if s.parts > 0 && (s.known == nil || time.Since(s.looked) >= s.pause) {
		if names, err = s.lookLate(most); err != nil || len(names) > 0 {
			return names, false, err
		}
	}
	s.parts++
	for len(names)+part <= max(most, part) {
		piece, err, more := s.read()
		if err != nil {
			return nil, false, err
		}
		if !more {
			s.end()
			return names, true, nil
		}
		names = appendPaths(names, piece)
		s.note(piece)
	}
	return names, false, nil
}

func (s *sweep) begin(most int) error {
	if !s.box.Root.InPlace() {
		return s.box.Gone()
	}
	s.began, s.parts, s.known = time.Now(), 0, nil
	s.odd, s.ignored = make(map[string]string), 0
	s.read, s.stop = iter.Pull2(s.files(min(part, most)))
	return nil
}

func (s *sweep) files(most int) iter.Seq2[scan.Piece, error] {
	c := scan.Config{Recursive: s.recursive, Ignore: s.ignore, Most: most}
	if s.watch != nil {
		c.Entering = s.watch.Add
	}
	return scan.Files(s.box.Root, c)
}

// appendPaths appends the names of messages: their paths below DIR.
func appendPaths(names []string, p scan.Piece) []string {
	for _, name := range p.Names {
		names = append(names, p.Below+name)
	}
	return names
}

// end tells of everything that lies there and is not sent.
func (s *sweep) end() {
	s.close()
	s.told.odd(s.log, s.odd)
	s.told.ignored(s.log, s.ignored)
}

func (s *sweep) close() {
	if s.read != nil {
		s.stop()
		s.read = nil
	}
}

// mostOdd bounds how many things are named that are no messages.
const mostOdd = 1000

// note counts what is not sent.
func (s *sweep) note(p scan.Piece) {
	s.ignored += p.Ignored
	for _, odd := range p.Odd {
		if len(s.odd) < mostOdd {
			s.odd[odd.Path] = odd.Is
		}
	}
}

// lookLate returns names that were not there at the last look, at most so many, and
// none at the first look of a sweep. Looks take a twentieth of the time at most.
func (s *sweep) lookLate(most int) (names []string, err error) {
	began := time.Now()
	now := new(nameSet)
	for piece, err := range s.files(part) {
		if err != nil {
			return nil, err
		}
		for _, name := range piece.Names {
			name = piece.Below + name
			switch {
			case s.known == nil || s.known.has(name):
				now.add(name)
			case len(names) < most:
				now.add(name)
				names = append(names, name)
			} // else it is new at the next look, too
		}
	}
	s.known, s.looked = now, time.Now()
	if s.pause = s.late; s.late > 0 {
		s.pause = max(s.late, 20*s.looked.Sub(began))
	}
	return names, nil
}

// nameSet remembers names in a room that does not grow with them. A name that it was
// never told may seem to be known: one in forty beside 200,000 others.
type nameSet struct{ bits [nameBits / 64]uint64 }

const nameBits = 1 << 23

var nameSeed = maphash.MakeSeed()

func (n *nameSet) at(name string) (word *uint64, bit uint64) {
	h := maphash.String(nameSeed, name) % nameBits
	return &n.bits[h/64], 1 << (h % 64)
}

func (n *nameSet) add(name string)      { word, bit := n.at(name); *word |= bit }
func (n *nameSet) has(name string) bool { word, bit := n.at(name); return *word&bit != 0 }
