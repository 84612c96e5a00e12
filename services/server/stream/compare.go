package stream

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// field is one setting, under the name that the nodes have for it.
type field struct {
	name  string
	value func(jetstream.StreamConfig) any
}

// fields are the settings that decide which entries there are, and who may have put or
// taken them. Others (placement, compression, description) are the operator's.
var fields = []field{
	{"subjects", func(c jetstream.StreamConfig) any { return strings.Join(c.Subjects, " ") }},
	{"num_replicas", func(c jetstream.StreamConfig) any { return c.Replicas }},
	{"storage", func(c jetstream.StreamConfig) any { return c.Storage }},
	{"retention", func(c jetstream.StreamConfig) any { return c.Retention }},
	{"discard", func(c jetstream.StreamConfig) any { return c.Discard }},
	{"max_bytes", func(c jetstream.StreamConfig) any { return c.MaxBytes }},
	{"max_msgs", func(c jetstream.StreamConfig) any { return c.MaxMsgs }},
	{"max_msgs_per_subject", func(c jetstream.StreamConfig) any { return c.MaxMsgsPerSubject }},
	{"max_msg_size", func(c jetstream.StreamConfig) any { return c.MaxMsgSize }},
	{"max_age", func(c jetstream.StreamConfig) any { return c.MaxAge }},
	{"max_consumers", func(c jetstream.StreamConfig) any { return c.MaxConsumers }},
	{"no_ack", func(c jetstream.StreamConfig) any { return c.NoAck }},
	{"sealed", func(c jetstream.StreamConfig) any { return c.Sealed }},
	{"deny_delete", func(c jetstream.StreamConfig) any { return c.DenyDelete }},
	{"deny_purge", func(c jetstream.StreamConfig) any { return c.DenyPurge }},
	{"allow_rollup_hdrs", func(c jetstream.StreamConfig) any { return c.AllowRollup }},
	{"allow_direct", func(c jetstream.StreamConfig) any { return c.AllowDirect }},
	{"allow_msg_ttl", func(c jetstream.StreamConfig) any { return c.AllowMsgTTL }},
	{"allow_msg_counter", func(c jetstream.StreamConfig) any { return c.AllowMsgCounter }},
	{"allow_msg_schedules", func(c jetstream.StreamConfig) any { return c.AllowMsgSchedules }},
	{"persist_mode", func(c jetstream.StreamConfig) any { return c.PersistMode }},
	{"mirror", func(c jetstream.StreamConfig) any { return present(c.Mirror != nil) }},
	{"sources", func(c jetstream.StreamConfig) any { return present(len(c.Sources) > 0) }},
	{"subject_transform", func(c jetstream.StreamConfig) any { return present(c.SubjectTransform != nil) }},
	{"republish", func(c jetstream.StreamConfig) any { return present(c.RePublish != nil) }},
}

func present(there bool) string {
	if there {
		return "set"
	}
	return "none"
}

// compare returns a *SettingsError about the first field that differs.
func compare(got, want jetstream.StreamConfig) error {
	for _, f := range fields {
		if g, w := f.value(got), f.value(want); g != w {
			return settingsError(got, f.name, g, w)
		}
	}
	return nil
}

func settingsError(c jetstream.StreamConfig, field string, got, want any) error {
	return &SettingsError{Stream: c.Name, Field: field, Got: fmt.Sprint(got), Want: fmt.Sprint(want)}
}
