package remedy

import (
	"errors"
	"fmt"

	"sealpost/services/server/logbook/replicated"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/state/shared"
	"sealpost/services/server/stream"
)

const copied = "there: server copy DIR; then put DIR/data in the place of this server's log volume"

// ofCluster is about what several servers have together.
func ofCluster(err error) string {
	for _, find := range []func(error) string{ofLog, ofNodes, ofShared} {
		if text := find(err); text != "" {
			return text
		}
	}
	return ""
}

// ofLog is about what this server reads in the replicated log.
func ofLog(err error) string {
	var fork *fold.ForkError
	var stuck *replicated.StuckError
	switch {
	case errors.As(err, &stuck):
		void := fmt.Sprintf("if no server can keep the entry, server cluster void %d has all pass it", stuck.Position)
		if text := For(stuck.Err); text != "" {
			return text + "; " + void
		}
		return void
	case errors.Is(err, replicated.ErrStrange):
		return "server cluster join has it counted again; where the log begins later, it says so then"
	case errors.As(err, new(*replicated.AlteredError)):
		return "another server's log volume has the lines as they were (" + copied + ")"
	case errors.As(err, new(*replicated.JoinError)), errors.As(err, new(*replicated.NumberError)):
		return "another server's log volume has what came before (" + copied + ")"
	case errors.As(err, new(*replicated.FullError)):
		return "server cluster status shows which server lags, so that the log is not trimmed: start it again, or have " +
			"it forgotten (server cluster forget NAME); or give the stream a larger max_bytes"
	case errors.As(err, new(*replicated.LostError)):
		return "bring back the nodes that had it; the servers that are ready have its messages, and a new cluster can " +
			"be begun from the log volume of one of them: server cluster import"
	case errors.As(err, new(*replicated.DamageError)):
		return "stop that node, empty its store, start it again: it gets everything from the others"
	case errors.As(err, &fork) && fork.Ours:
		return "the others named are to get this server's log volume (" + copied + ")"
	case errors.As(err, &fork):
		return "server cluster status, given to each server, shows who agrees; a server that is alone gets the volume " +
			"of another one (" + copied + ")"
	case errors.As(err, new(*entry.VersionError)):
		return "upgrade this server: it goes on by itself then"
	case errors.As(err, new(*fold.ZoneError)):
		return "give this server the time zone database of the others: a build of the same version has it"
	}
	return ""
}

// ofNodes is about those who keep the log.
func ofNodes(err error) string {
	switch {
	case errors.As(err, new(*stream.NodeError)):
		return "mend that node's configuration (sync_interval: always) or version, and start it again"
	case errors.As(err, new(*stream.SettingsError)):
		return "give the stream the settings of server cluster init: nats stream edit"
	case errors.Is(err, stream.ErrNoPlace):
		return "let all nodes run, with max_file_store of their jetstream settings as large; or give a smaller -max-bytes"
	case errors.Is(err, stream.ErrNoStream):
		return "begin the cluster, with a user who may create streams: server cluster init NAME..."
	case errors.As(err, new(*stream.TrimmedError)), errors.As(err, new(*stream.GapError)):
		return "a node may have lost entries: nats stream report shows which; stop it, empty its store, start it again"
	case errors.As(err, new(*stream.ConnectError)):
		return "more than half of the nodes must run, and SERVER_NATS_URL, user, password and authority be right; " +
			"the server goes on by itself then"
	}
	return ""
}

// ofShared is about what the servers have in common.
func ofShared(err error) string {
	switch {
	case errors.Is(err, shared.ErrNothing):
		return "begin the cluster: server cluster init NAME..."
	case errors.Is(err, shared.ErrSealed), errors.Is(err, shared.ErrKey):
		return "SERVER_CLUSTER_KEY_FILE must hold the key that the cluster was begun with"
	case errors.Is(err, shared.ErrForeign):
		return "name an empty directory in SERVER_STATE_DIR; server cluster import is for the server whose state it is"
	case errors.Is(err, shared.ErrOlder):
		return "a node has lost what was set last: bring back the nodes that had it. To go on with the older state all " +
			"the same, remove the file shared_revision of this server's state"
	case errors.Is(err, shared.ErrStale):
		return "more than half of the nodes must be reached; the server goes on by itself then"
	case errors.As(err, new(*shared.NotStuckError)):
		return "a server that can keep the entry does so, and goes on; one that was just trying soon stands there, " +
			"ask again then; one that is gone for good must be forgotten first: server cluster forget NAME"
	case errors.As(err, new(*shared.VersionError)):
		return "upgrade this server: it goes on by itself then"
	}
	return ""
}
