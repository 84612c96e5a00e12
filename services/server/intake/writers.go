package intake

import "context"

// spareWriters are kept for the next answers.
const spareWriters = 64

// writers are goroutines that write answers. A few are kept, since a fresh one
// has to grow its stack first.
type writers struct {
	ctx   context.Context // ends them
	work  chan *answers   // unbuffered: taken by one that has nothing to do
	spare chan struct{}   // a place for each that waits for work
}

func newWriters(ctx context.Context) *writers {
	return &writers{ctx: ctx, work: make(chan *answers), spare: make(chan struct{}, spareWriters)}
}

// write starts the writing of what is pending in a, and does not wait for it.
func (w *writers) write(a *answers) {
	select {
	case w.work <- a:
	default:
		go w.run(a)
	}
}

func (w *writers) run(a *answers) {
	for {
		a.writePending()
		select {
		case w.spare <- struct{}{}:
		default:
			return
		}
		select {
		case a = <-w.work:
			<-w.spare
		case <-w.ctx.Done():
			return
		}
	}
}
