package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
)

const (
	theLog      = "SEALPOST_0123456789abcdef0123456789abcdef"
	theRegister = "SEALPOST_STATE"
	another     = "SEALPOST_OTHER"
)

// TestAccounts: with rights to two streams alone all that a server does with them works, and
// its operator's work; nothing else does.
func TestAccounts(t *testing.T) {
	c := natstest.Start(t, natstest.Options{Log: theLog, Register: theRegister})
	log := create(t, c, theLog, stream.Settings{MaxBytes: 1 << 20})
	c.CreateRegister(theRegister)
	c.Await(theLog)
	serverMay(t, c, log)
	for user, subjects := range map[string][]string{
		stream.ServerUser: {
			"$JS.API.INFO", "$JS.API.STREAM.CREATE." + theLog, "$JS.API.STREAM.UPDATE." + theLog,
			"$JS.API.STREAM.DELETE." + theLog, "$JS.API.STREAM.MSG.DELETE." + theLog, "$JS.API.STREAM.NAMES",
			"$JS.API.STREAM.SNAPSHOT." + theLog, "$JS.API.STREAM.RESTORE." + theLog,
			"$JS.API.STREAM.PEER.REMOVE." + theLog, "$JS.API.STREAM.PURGE." + theRegister,
			"$JS.API.STREAM.LEADER.STEPDOWN." + theRegister, "$JS.API.CONSUMER.CREATE." + theRegister + ".c",
			"$JS.API.CONSUMER.DURABLE.CREATE." + theLog + ".c", "$JS.API.CONSUMER.DELETE." + theLog + ".c",
			"$JS.API.META.LEADER.STEPDOWN", "$JS.API.STREAM.INFO." + another, "$JS.API.STREAM.MSG.GET." + another,
			"$JS.API.STREAM.PURGE." + another, "$JS.API.CONSUMER.CREATE." + another + ".c",
			stream.Subject(another), "$SYS.REQ.SERVER.PING.JSZ", "$SYS.REQ.SERVER.PING", "elsewhere",
		},
		stream.AdminUser: {stream.Subject(another), "$SYS.REQ.SERVER.PING.JSZ", "$SYS.REQ.SERVER.PING", "elsewhere"},
	} {
		conn, violations := violating(t, c, user)
		for _, subject := range subjects {
			mayNot(t, conn, violations, subject)
		}
		if _, err := conn.SubscribeSync("sealpost.>"); err != nil {
			t.Fatal(err)
		}
		expect(t, violations, "sealpost.>")
	}
}

// serverMay does with both streams what a server does.
func serverMay(t *testing.T, c *natstest.Cluster, log *stream.Stream) {
	t.Helper()
	publish(t, log, 0, 3)
	read(t, log, 0, 3)
	if _, err := log.Get(t.Context(), 2); err != nil {
		t.Errorf("Get: %v", err)
	}
	leader := c.Leader(theLog).Name
	err := errors.Join(log.Check(t.Context()), log.Purge(t.Context(), 2), log.StepDown(t.Context(), leader))
	if err != nil {
		t.Error(err)
	}
	register, err := stream.OpenRegister(t.Context(), c.Config(theRegister))
	if err != nil {
		t.Fatal(err)
	}
	defer register.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := register.Set(ctx, []byte("value"), 0); err != nil {
		t.Errorf("Set: %v", err)
	}
	if value, _, err := register.Value(ctx); err != nil || string(value) != "value" {
		t.Errorf("Value: %q, %v", value, err)
	}
	if _, err := register.Get(ctx, 1); err != nil {
		t.Errorf("Get of the register: %v", err)
	}
}

// violating connects as a user, and returns what the nodes say of its attempts.
func violating(t *testing.T, c *natstest.Cluster, user string) (*nats.Conn, chan error) {
	t.Helper()
	violations := make(chan error, 16)
	conn, err := nats.Connect(strings.Join(c.URLs(), ","), nats.UserInfo(user, natstest.Password),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn, violations
}

func mayNot(t *testing.T, conn *nats.Conn, violations chan error, subject string) {
	t.Helper()
	if err := errors.Join(conn.Publish(subject, nil), conn.FlushTimeout(patience)); err != nil {
		t.Fatal(err)
	}
	expect(t, violations, subject)
}

// expect waits for a refusal. The next subject's would be another one.
func expect(t *testing.T, violations chan error, subject string) {
	t.Helper()
	select {
	case err := <-violations:
		if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(strings.ToLower(err.Error()),
			strings.ToLower(`"`+subject+`"`)) {
			t.Errorf("%s: %v", subject, err)
		}
	case <-time.After(patience):
		t.Fatalf("%s is allowed", subject)
	}
}

// TestAccountsAsText: what an operator is given names variables, and nobody sees the nodes
// unless that is asked for.
func TestAccountsAsText(t *testing.T) {
	text := stream.Accounts{
		Log: theLog, Register: theRegister, Server: "$SERVER_PASSWORD", Admin: stream.Quoted(`a "quoted" \ one`),
	}.String()
	for _, want := range []string{
		`user: "server", password: $SERVER_PASSWORD,`, `user: "admin", password: "a \"quoted\" \\ one",`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, `"`+stream.SystemUser+`"`) {
		t.Errorf("too much:\n%s", text)
	}
}
