package cli

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"sealpost/services/client/courier"
	"sealpost/shared/message"
)

// The object is one line of JSON that no terminal obeys, and says what was meant.
func TestObjectIsPlain(t *testing.T) {
	for _, name := range []string{
		"report.txt", `quoted "name"\`, "\x1b]0;title\a", "line\nend\r\x7f",
		"\u0085\u009b31m", "\u202egnp.exe", "\u2028\ufeff",
		"<b>&amp;</b>", "日本語 🙂",
	} {
		text, err := (&result{Outcome: outcomeSent, Name: name, Reason: name}).object()
		if err != nil {
			t.Fatal(err)
		}
		line, isLine := strings.CutSuffix(string(text), "\n")
		if !isLine || message.Visible(line) != line {
			t.Errorf("%q: %q", name, text)
		}
		var back result
		if err := json.Unmarshal(text, &back); err != nil || back.Name != name || back.Reason != name {
			t.Errorf("%q: read back as %+v, %v", name, back, err)
		}
	}
}

func TestOutcomeOfAnError(t *testing.T) {
	unknown := &courier.UnknownError{Cause: courier.ErrNoProgress}
	for _, c := range []struct {
		err             error
		outcome, reason string
	}{
		{nil, "sent", ""},
		{&receiptError{cause: errors.New("no room")}, "sent",
			"the message is delivered, but its receipt could not be kept: no room"},
		{&courier.RefusalError{Reason: "not the one"}, "refused", "not the one"},
		{&againError{id: message.NewID(), cause: unknown}, "unknown", unknown.Error()},
		{&resetError{errors.New("reset")}, "unknown", "not known to be delivered: reset"},
		{errInterrupted, "failed", errInterrupted.Error()},
		{&inputError{"x: no such file"}, "failed", "x: no such file"},
	} {
		var r result
		if r.judge(c.err); r.Outcome != c.outcome || r.Reason != c.reason {
			t.Errorf("%v: %+v", c.err, r)
		}
	}
}
