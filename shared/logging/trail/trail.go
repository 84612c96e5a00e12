// Package trail marks the lines of a log that are its audit trail: one line for
// each step of administration, with the fields "audit", which step it was, and "by",
// who took it. What else a line has depends on the step; docs/OPERATIONS.md lists all
// of it.
//
// Guaranteed: a line has no other step than one of [Steps]. Not guaranteed: that a
// foreign text in a field is safe to show; message.Visible makes it so.
package trail

import (
	"os"
	"strconv"

	"github.com/rs/zerolog"
)

// Names of the fields that each line has.
const (
	FieldStep = "audit"
	FieldBy   = "by"
)

// Step is what was done: the place of its name in the list.
type Step uint8

// The steps.
const (
	SenderAdded Step = iota
	SenderRemoved
	SenderLimited
	TokenFirstUsed
	LogInFailed
	IdentityNextMade
	IdentityNextDiscarded
	IdentitySwitched
	IdentityRetired
	LogbookAccepted
	MessagesRetired
	ClusterBegun
	ClusterJoined
	ClusterForgotten
	ClusterUpgraded
	ClusterVoided
	ClusterLeft
	OutboxLogbookAccepted
	steps // how many there are
)

var names = [steps]string{
	SenderAdded:           "sender added",
	SenderRemoved:         "sender removed",
	SenderLimited:         "sender limited",
	TokenFirstUsed:        "token first used",
	LogInFailed:           "log-in failed",
	IdentityNextMade:      "next identity made",
	IdentityNextDiscarded: "next identity discarded",
	IdentitySwitched:      "identity switched",
	IdentityRetired:       "former identity retired",
	LogbookAccepted:       "logbook accepted",
	MessagesRetired:       "messages retired",
	ClusterBegun:          "cluster begun",
	ClusterJoined:         "cluster server joined",
	ClusterForgotten:      "cluster server forgotten",
	ClusterUpgraded:       "cluster upgraded",
	ClusterVoided:         "cluster entry void",
	ClusterLeft:           "cluster left",
	OutboxLogbookAccepted: "outbox logbook accepted",
}

// String returns the value of the field "audit".
func (s Step) String() string {
	if s >= steps {
		return "step " + strconv.Itoa(int(s))
	}
	return names[s]
}

// Steps returns all of them.
func Steps() []Step {
	list := make([]Step, steps)
	for i := range list {
		list[i] = Step(i)
	}
	return list
}

// Who takes steps, where it is neither a user of the machine nor an address.
const (
	// ByStateVolume is for what a running server finds changed in its state volume. The
	// command that changed it tells its user.
	ByStateVolume = "state volume"
	// ByCommand is for what a running server does because a command asks for it.
	ByCommand = "command"
	// ByPolicy is for what a running server does because a setting says so.
	ByPolicy = "policy"
	// ByLog is for what a server does because another one has ordered it in the replicated
	// log.
	ByLog = "log"
	// ByDate is for what happens when its date has come.
	ByDate = "date"
)

// ByUser names the user that this process runs as: "uid 10000".
func ByUser() string { return "uid " + strconv.Itoa(os.Getuid()) }

// fields takes fields: a line, or what a logger writes into each of its lines.
type fields[T any] interface {
	*zerolog.Event | zerolog.Context
	Str(name, value string) T
}

// Mark makes a line, or the lines of a logger, one of the audit trail.
func Mark[T fields[T]](line T, step Step, by string) T {
	return line.Str(FieldStep, step.String()).Str(FieldBy, by)
}
