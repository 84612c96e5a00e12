package collector

import "sync/atomic"

// Progress shows how far a run of Collect is. Its methods may be called at any
// time from any goroutine.
type Progress struct {
	done, all, received atomic.Uint64
}

// Files returns how many messages of the manifest are settled, and how many it
// names; 0, 0 before the manifest is there.
func (p *Progress) Files() (done, all uint64) { return p.done.Load(), p.all.Load() }

// Bytes returns how many bytes of log files came in this run.
func (p *Progress) Bytes() uint64 { return p.received.Load() }

func (p *Progress) total(n uint64) { p.all.Store(n) }

// Write counts the bytes of a transfer.
func (p *Progress) Write(b []byte) (int, error) {
	p.received.Add(uint64(len(b)))
	return len(b), nil
}
