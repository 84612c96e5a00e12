package local

import "sealpost/services/server/logbook"

// startWriters starts what puts small messages into their files. On a local
// file system that is one goroutine: many that make files in one directory wait
// for each other there, spinning. Where each call may be a message to another
// machine, several wait side by side.
func (l *Logbook) startWriters() {
	n := parallelFlushes
	if l.canSyncFS {
		n = 1
	}
	for range n {
		l.writers.Go(l.writeLoop)
	}
}

func (l *Logbook) writeLoop() {
	for {
		select {
		case s := <-l.unwritten:
			l.write(s)
		case <-l.closing:
			l.failUnwritten()
			return
		}
	}
}

// write brings one message to the committer.
func (l *Logbook) write(s *staged) {
	if err := s.complete(); err != nil {
		fail([]*staged{s}, l.failed(err))
		return
	}
	select {
	case l.queue <- s:
	case <-l.closing:
		fail([]*staged{s}, logbook.ErrClosed)
	}
}

// failUnwritten fails what no writer has taken up.
func (l *Logbook) failUnwritten() {
	for {
		select {
		case s := <-l.unwritten:
			fail([]*staged{s}, logbook.ErrClosed)
		default:
			return
		}
	}
}
