package dial

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Attempt is how a target is tried. Open may be called at once for several; Drop is
// given what got through too late.
type Attempt[T any] struct {
	Open func(context.Context, Target) (T, error)
	Drop func(T)
	// After is the target that failed a moment ago: those behind it come first, it
	// comes last. Zero: none failed.
	After Target
}

// First tries the servers, and returns what the first that got through gave. passed are
// those that had failed by then. Without one the error is an *Error.
func First[T any](ctx context.Context, servers []Server, a Attempt[T]) (got T, passed []Failure, err error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &race[T]{Attempt: a, ended: make(chan ending[T])}
	defer r.close()
	defer cancel()
	for n := range servers {
		rank := (a.After.Rank + n) % len(servers)
		t := Target{Server: servers[rank], Rank: rank}
		if !isName(t.Address) {
			t.At = t.Address
		}
		r.add(t)
	}
	for r.running > 0 || len(r.queue)+len(r.last) > 0 {
		if won, ok := r.step(ctx); ok {
			return won, r.failed, nil
		}
	}
	return got, nil, &Error{r.failed}
}

// race is attempts under way. Its goroutines say how they ended, and nothing else.
type race[T any] struct {
	Attempt[T]
	queue, last []Target // to be tried; an empty At: to be looked up
	running     int
	ended       chan ending[T]
	failed      []Failure
}

type ending[T any] struct {
	target Target
	found  []Target // the addresses of a name
	got    T
	err    error
}

// add puts the addresses of one server where their turn is. Where one of them failed
// those behind it come first, in an order that is the same each time: so a client that
// fails at one after the other comes to all of them.
func (r *race[T]) add(addresses ...Target) {
	failed := func(t Target) bool { return t.At != "" && t.At == r.After.At }
	if !slices.ContainsFunc(addresses, failed) {
		r.queue = append(r.queue, addresses...)
		return
	}
	slices.SortFunc(addresses, func(a, b Target) int { return cmp.Compare(a.At, b.At) })
	at := slices.IndexFunc(addresses, failed)
	r.queue = append(r.queue, addresses[at+1:]...)
	r.last = append(r.last, addresses[:at+1]...)
}

// next takes the target whose turn it is, false where none waits.
func (r *race[T]) next() (t Target, ok bool) {
	from := &r.queue
	if len(r.queue) == 0 {
		from = &r.last
	}
	if len(*from) == 0 {
		return t, false
	}
	t, *from = (*from)[0], (*from)[1:]
	return t, true
}

// step begins an attempt, where one waits, and then waits for the end of any, or until
// another one is to begin beside them.
func (r *race[T]) step(ctx context.Context) (won T, ok bool) {
	if t, ok := r.next(); ok {
		r.running++
		go func() { r.ended <- r.try(ctx, t) }()
	}
	var late <-chan time.Time
	if len(r.queue)+len(r.last) > 0 {
		timer := time.NewTimer(Delay)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case e := <-r.ended:
		r.running--
		return r.end(e)
	case <-late:
		return won, false
	}
}

// try looks a name up, or tries an address.
func (r *race[T]) try(ctx context.Context, t Target) (e ending[T]) {
	e.target = t
	if t.At != "" {
		e.got, e.err = r.Open(ctx, t)
		return e
	}
	e.target.At = t.Address // for errors
	e.found, e.err = t.lookUp(ctx)
	return e
}

// end goes on from the end of an attempt. The addresses of a name come next.
func (r *race[T]) end(e ending[T]) (won T, ok bool) {
	switch {
	case e.err != nil:
		r.failed = append(r.failed, Failure{e.target, e.err})
	case e.found == nil:
		return e.got, true
	default:
		later := r.queue
		r.queue = nil
		r.add(e.found...)
		r.queue = append(r.queue, later...)
	}
	return won, false
}

// close waits for the attempts that are still under way, whose context has ended.
func (r *race[T]) close() {
	for ; r.running > 0; r.running-- {
		if e := <-r.ended; e.err == nil && e.found == nil {
			r.Drop(e.got)
		}
	}
}
