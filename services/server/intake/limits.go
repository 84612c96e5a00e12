package intake

import (
	"cmp"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"sealpost/shared/framing"
)

// Limits bound what peers can make the server do. Zero means the default.
type Limits struct {
	Message               uint64        // bytes of one message, deciphered; 1 GiB
	Connections           int           // of all peers; 4096
	ConnectionsPerAddress int           // of one address; 1024: a whole stack can come from one
	InFlight              int           // offers of one connection without an answer; 256
	Handshake             time.Duration // from accept to a valid HELLO; 10 s
	Idle                  time.Duration // between messages, and between bytes of one; 5 min
	MinRate               uint64        // bytes a second of a body, after RateGrace; 1 KiB/s
	RateGrace             time.Duration // before MinRate counts; 30 s
	Write                 time.Duration // for the peer to take an answer; 30 s
	Commit                time.Duration // for the logbook to keep a message; 1 min
	LoginDelay            time.Duration // the first delay after too many failed log-ins; 250 ms
}

const (
	acceptPause   = 100 * time.Millisecond
	freeFailures  = 3                // failed log-ins of an address before the delay starts
	maxLoginDelay = 10 * time.Second // it doubles up to here
	forgetAfter   = 10 * time.Minute // without a further failure
	maxGuarded    = 16384            // addresses remembered
)

// WithDefaults gives the limits that are zero their defaults.
func (l Limits) WithDefaults() Limits {
	l.Message = cmp.Or(l.Message, 1<<30)
	l.Connections = cmp.Or(l.Connections, 4096)
	l.ConnectionsPerAddress = cmp.Or(l.ConnectionsPerAddress, 1024)
	l.InFlight = cmp.Or(l.InFlight, 256)
	l.Handshake = cmp.Or(l.Handshake, 10*time.Second)
	l.Idle = cmp.Or(l.Idle, 5*time.Minute)
	l.MinRate = cmp.Or(l.MinRate, 1<<10)
	l.RateGrace = cmp.Or(l.RateGrace, 30*time.Second)
	l.Write = cmp.Or(l.Write, 30*time.Second)
	l.Commit = cmp.Or(l.Commit, time.Minute)
	l.LoginDelay = cmp.Or(l.LoginDelay, 250*time.Millisecond)
	l.InFlight = min(l.InFlight, 1<<16-1) // 16 bits in WELCOME
	return l
}

// pace gives the deadline of each read of one body: no pause may be longer than
// Idle, and after RateGrace the whole must have come at MinRate or faster, and at
// what the logbook demands for the room that it holds. A record is read as a
// whole, so the deadline allows for one more than was received.
type pace struct {
	limits    Limits
	start     time.Time
	leastRate func() uint64 // bytes a second; nil: the body holds no room
}

func (p pace) rate() uint64 {
	if p.leastRate == nil {
		return p.limits.MinRate
	}
	return max(p.limits.MinRate, p.leastRate())
}

func (p pace) deadline(now time.Time, received uint64) time.Time {
	idle := now.Add(p.limits.Idle)
	seconds := float64(received+framing.MaxData) / float64(p.rate())
	if seconds > p.limits.Idle.Seconds()*1e6 { // beyond any idle limit, and maybe beyond a Duration
		return idle
	}
	slow := p.start.Add(p.limits.RateGrace + time.Duration(seconds*float64(time.Second)))
	if slow.Before(idle) {
		return slow
	}
	return idle
}

// hostOf is what limits per address count by: an IPv4 address, or the /64 of an
// IPv6 one, since a single host has all of those.
func hostOf(addr net.Addr) string {
	peer, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return addr.String()
	}
	ip := peer.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}

func outOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
