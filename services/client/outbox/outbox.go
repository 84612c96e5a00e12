// Package outbox sends the files of one directory, which any number of clients
// may share.
//
// A client takes files by one rename each into a group, DIR/.sending/<group>/files/,
// where a lock that dies with its holder and, before the first attempt, durable
// records (id, sender, name, cipher, size, SHA-256) lie beside them: package group.
// Whoever finds a group with a dead holder takes it over under the same ids, and the
// server accepts an id once. So every file is sent by one client at a time and ends
// as one message, whichever of the clients is killed, and whenever: with its receipt
// in DIR/sent/<day>/, or with the reason in DIR/refused/<day>/: package days.
//
// One message holds up no other. What the server does not take for now stays in its
// group, whose lock is given up once all others in it have ended; it is tried again
// at growing pauses, after what was not tried yet, by any client. Groups do not wait
// for each other. What a message's way takes of the directories is checked before
// the first claim, and again before each group is offered and each of its ends.
//
// Memory is bounded by the groups that a client holds, and not by what lies in the
// outbox. A file that is put in while very many wait does not wait for their end.
//
// What the package does not do: a file must be whole when it appears, so put it
// in by a rename from the same file system; package ready says what is done about
// others. The lock is flock(2): the clients must share one kernel, or a network file
// system that carries flock. A file system that does not answer holds everything up,
// as all lies on one.
package outbox

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/group"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/durable"
	"sealpost/shared/ignore"
	"sealpost/shared/message"
)

// Workers is how many messages one client has in flight at once, and MostGroups how
// many groups it holds; with a yield both are one.
const (
	Workers    = 512
	MostGroups = 8
)

const (
	pollFirst = 10 * time.Millisecond  // between looks while others hold the rest: their end may be near
	pollOnce  = 200 * time.Millisecond // the same as it grows
	pollWatch = time.Second            // the same when staying, or while something waits
	lateLooks = time.Second            // between looks for files put in while many wait
	retry     = time.Second            // before a message that cannot go now is tried again
	mostPause = time.Minute            // as retry grows
	drain     = 5 * time.Second        // for what is in flight when asked to stop
	gather    = 10 * time.Millisecond  // for more of a group, before those that are through end together
)

// Deliver hands one message to the server: [courier.Courier.Deliver], whose
// errors it returns.
type Deliver func(context.Context, courier.Message) (courier.Delivery, error)

// Config says what to send, as whom, and how.
type Config struct {
	Dir     string                                // the outbox; must exist
	Sender  string                                // our name; claims of other senders are left to them
	Key     *cipher2012.Key                       // encipher as in 2012; nil: cipher none
	Deliver Deliver                               // safe for concurrent use
	Logbook func(context.Context) (string, error) // id of the logbook that the server names
	Watch   bool                                  // stay until the context ends
	Yield   time.Duration                         // after sending one file, leave the next to others that long
	Timeout time.Duration                         // without Watch: the longest wait for what cannot go now; 0: for ever
	Settle  time.Duration                         // how long a file must not have changed, where no lease tells
	Ignore  ignore.Patterns                       // names to leave alone
	// Recursive has files in directories of the outbox sent, too: a message's name is
	// its path below DIR. Directories stay where they are, links are not followed and
	// mounts not entered.
	Recursive bool
	// SentKeep is how long a day of sent/ is kept after its end; 0: for ever.
	SentKeep time.Duration
	Log      zerolog.Logger
	// Looked is told of each look at DIR that went well. May be nil.
	Looked func()
	// Settled is told of every message that has come to its end, once it lies in
	// DIR/sent with its receipt, or in DIR/refused with the reason; calls may come at
	// the same time. May be nil.
	Settled func(Result)

	// For tests: times instead of those above, and a call after each step of
	// the protocol.
	poll, late, retry, drain time.Duration
	first                    time.Duration // poll as it begins to grow
	most                     int           // names read of DIR before some of them are claimed
	flusher                  *durable.Flusher
	step                     func(name string)
}

// Outcome counts what one run did. Left are the messages that stay in
// DIR/.sending for a later run, those that could not be claimed in DIR. Ignored
// are the files that Config.Ignore named at the last look.
type Outcome struct {
	Sent, Refused int
	Renewed       int // of those that [Resend] sent: they have another receipt than before
	Left          []Left
	Held          int   // files that stay in DIR, as the sender is over its quota until after the Timeout
	HeldBy        error // a *courier.PostponedError, if there are some
	Ignored       int
	Stopped       bool // asked to stop before the outbox was empty
}

// Left is a message that has not come to its end: Err is a *courier.UnknownError,
// *courier.PostponedError, *courier.ReadError, *ForeignError, *RecordError,
// ErrNoPassword, or *ClaimError.
type Left struct {
	ID   message.ID // zero with a *ClaimError; the group's with a *RecordError
	Name string
	Err  error
}

// The errors of groups are those of package group.
type (
	ForeignError = group.ForeignError
	RecordError  = group.RecordError
	DirError     = box.DirError
)

// ErrNoPassword is [group.ErrNoPassword].
var ErrNoPassword = group.ErrNoPassword

// Run sends what lies in the outbox and returns when nothing is left in it,
// neither waiting nor in the hands of other clients; with Watch when ctx ends.
// When ctx ends, what is in flight gets a few seconds to finish; the rest stays.
//
// The error is a [*courier.RefusalError] of the connection, a [*LogbookError], a
// [*courier.UnknownError] when the server could not be reached at all, a
// [*DirError], or one of the file system. The Outcome is valid beside an error.
func Run(ctx context.Context, cfg Config) (Outcome, error) {
	o, err := start(cfg)
	if err != nil {
		return Outcome{}, err
	}
	defer o.close()
	ctx, o.stop = context.WithCancelCause(ctx)
	defer o.stop(nil)
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	context.AfterFunc(ctx, func() {
		if o.failure(ctx) != nil {
			abandon()
			return
		}
		time.AfterFunc(o.drain, abandon)
	})
	pruned := o.prune(ctx)
	err = o.loop(ctx, work)
	o.files.close()
	o.inFlight.Wait()
	pruned()
	if err == nil {
		err = o.failure(ctx)
	}
	if err == nil {
		// So that no group comes back empty, and looks as if something waited.
		err = o.box.Place(box.Sending).Sync()
	}
	if !o.Watch {
		o.outcome.Left = o.later.left()
	}
	o.outcome.Ignored = o.files.told.count
	return o.outcome, err
}
