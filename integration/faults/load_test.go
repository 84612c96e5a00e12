package faults

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"sealpost/integration/faults/ledger"
	"sealpost/services/client/courier"
)

// fleet is some senders with a courier each, and the ledger of what they know.
type fleet struct {
	t        *testing.T
	seed     uint64
	make     func(from int, seed, n uint64) parcel
	ledger   *ledger.Ledger
	senders  []sender
	couriers []*courier.Courier
	receipts counter
	pickup   *pickup
	sound    context.Context // ends when a delivery has failed for good
	fail     context.CancelFunc

	mu      sync.Mutex
	parcels []parcel // all that was ever sent
}

const defaultStall = time.Minute

// newFleet has n senders, whom s knows, send to addr.
func newFleet(s *server, addr string, n int, stall time.Duration) *fleet {
	f := &fleet{t: s.t, seed: *seed, make: newParcel, ledger: ledger.New()}
	f.receipts.changed = make(chan struct{})
	f.sound, f.fail = context.WithCancel(s.t.Context())
	for i := range n {
		from := s.addSender([]string{"store-17", "plant-3", "desk-12"}[i])
		c := from.courier(addr, stall)
		s.t.Cleanup(func() { _ = c.Close() })
		f.senders, f.couriers = append(f.senders, from), append(f.couriers, c)
	}
	return f
}

// next makes a new message and notes it, before its first attempt.
func (f *fleet) next() parcel {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.parcels)
	p := f.make(n%len(f.senders), f.seed, uint64(n))
	f.parcels = append(f.parcels, p)
	f.ledger.Offer(f.senders[p.from].known(p.Message))
	return p
}

// deliver sends a message until there is a receipt or ctx ends.
func (f *fleet) deliver(ctx context.Context, p parcel) error {
	d, err := f.couriers[p.from].Deliver(ctx, p.Message)
	if err != nil {
		return err
	}
	f.ledger.Receipt(d.Entry)
	f.receipts.add()
	return f.pickup.check(d.Entry)
}

// deliverSoon sends a message that nothing should keep back.
func (f *fleet) deliverSoon(p parcel) error {
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	return f.deliver(ctx, p)
}

// await waits until n more receipts have come.
func (f *fleet) await(n int) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.sound, patience)
	defer cancel()
	if !f.receipts.more(ctx, n) {
		f.t.Fatal("no receipts come any more")
	}
}

// load is messages being sent all the time.
type load struct {
	f       *fleet
	cancel  context.CancelFunc
	stop    chan struct{}
	workers sync.WaitGroup
}

// load starts workers that send new messages, one at a time each, and now and
// then one again that has its receipt.
func (f *fleet) load(workers int) *load {
	ctx, cancel := context.WithCancel(f.t.Context())
	l := &load{f: f, cancel: cancel, stop: make(chan struct{})}
	for w := range workers {
		random := rand.New(rand.NewPCG(f.seed, uint64(w)))
		l.workers.Go(func() { l.work(ctx, random) })
	}
	f.t.Cleanup(func() { l.abandon() })
	return l
}

func (l *load) work(ctx context.Context, random *rand.Rand) {
	for !closed(l.stop) && ctx.Err() == nil {
		p := l.f.next()
		for again := true; again; again = random.IntN(16) == 0 {
			if err := l.f.deliver(ctx, p); err != nil {
				if ctx.Err() == nil {
					l.f.t.Errorf("message %s: %v", p.ID, err)
					l.f.fail()
				}
				return
			}
		}
	}
}

// finish lets every worker bring its last message to its end.
func (l *load) finish() {
	close(l.stop)
	giveUp := time.AfterFunc(patience, l.cancel)
	defer giveUp.Stop()
	l.workers.Wait()
}

// abandon stops every worker where it is, as senders whose power is cut.
func (l *load) abandon() {
	l.cancel()
	l.workers.Wait()
}

// sendAll sends everything once more, as senders without a receipt would; who
// had one must get the same facts.
func (f *fleet) sendAll() {
	f.t.Helper()
	todo := make(chan parcel)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for p := range todo {
				if err := f.deliverSoon(p); err != nil {
					f.t.Errorf("message %s again: %v", p.ID, err)
				}
			}
		})
	}
	for _, p := range f.parcels {
		todo <- p
	}
	close(todo)
	workers.Wait()
	if missing := len(f.parcels) - f.ledger.Receipted(); missing != 0 {
		f.t.Errorf("%d messages have no receipt in the end", missing)
	}
}

// poll reads the volume as a collector does until stop is called, which returns
// when the reading has ended: with an error if the volume could not be read.
func (f *fleet) poll(dir string) (stop func() error) {
	ctx, cancel := context.WithCancel(f.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.ledger.Poller(dir).Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	f.t.Cleanup(func() { _ = stop() })
	return stop
}

// settle ends a run on a volume that could be read all the while: everything is
// sent again, the poller ends, a fresh one reads all.
func (f *fleet) settle(dir string, stopPolling func() error) {
	f.t.Helper()
	f.sendAll()
	if err := stopPolling(); err != nil {
		f.t.Error(err)
	}
	f.look(dir)
}

// look reads everything on the volume at once.
func (f *fleet) look(dir string) {
	f.t.Helper()
	if err := f.ledger.Poller(dir).Look(); err != nil {
		f.t.Fatal(err)
	}
}

// counter counts events that others wait for.
type counter struct {
	mu      sync.Mutex
	n       int
	changed chan struct{}
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	close(c.changed)
	c.changed = make(chan struct{})
}

// more waits until n more were counted than now. It says whether that came
// before the end of ctx.
func (c *counter) more(ctx context.Context, n int) bool {
	c.mu.Lock()
	target := c.n + n
	c.mu.Unlock()
	return c.reach(ctx, target)
}

// reach waits until so many were counted since the beginning.
func (c *counter) reach(ctx context.Context, target int) bool {
	for {
		c.mu.Lock()
		n, changed := c.n, c.changed
		c.mu.Unlock()
		if n >= target {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func closed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
