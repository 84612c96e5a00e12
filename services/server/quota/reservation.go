package quota

import (
	"fmt"
	"sync"
	"time"
)

// whileUnderway is when a sender is to try again whose day would have room, were it not
// for messages under way.
const whileUnderway = 10 * time.Second

// underway is a message on its way in, on one connection or several.
type underway struct {
	offers int
	size   uint64 // reserved: the largest that was offered
	kept   bool   // and counted
}

// Reservation is the room of one offer in its sender's day.
type Reservation struct {
	end func() // once
}

// End gives the room back. r may be nil; only the first call counts.
func (r *Reservation) End() {
	if r != nil {
		r.end()
	}
}

func (q *Quotas) reserve(k key, size, most uint64) (*Reservation, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.underway[k]
	if u == nil {
		u = new(underway)
	}
	if !u.kept {
		more := size - min(size, u.size)
		used := q.sums[k.sender]
		if left := most - min(most, used); more > left-min(left, q.reserved[k.sender]) {
			return nil, q.over(size, left, most)
		}
		q.reserved[k.sender] += more
		u.size += more
	}
	u.offers++
	q.underway[k] = u
	return &Reservation{sync.OnceFunc(func() { q.end(k, u) })}, nil
}

// over is called with mu held.
func (q *Quotas) over(size, left, most uint64) *OverError {
	now := q.now()
	next := q.day.Date.AddDate(0, 0, 1)
	if size <= left {
		return &OverError{min(whileUnderway, next.Sub(now)),
			fmt.Sprintf("%d bytes a day may be sent, and messages under way need what is left", most)}
	}
	return &OverError{next.Sub(now), fmt.Sprintf("%d bytes a day may be sent, and %d are left until %s",
		most, left, next.Format(time.RFC3339))}
}

func (q *Quotas) end(k key, u *underway) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if u.offers--; u.offers > 0 {
		return
	}
	q.unreserve(k.sender, u.size)
	delete(q.underway, k)
}

// unreserve is called with mu held.
func (q *Quotas) unreserve(sender string, size uint64) {
	if q.reserved[sender] -= size; q.reserved[sender] == 0 {
		delete(q.reserved, sender)
	}
}
