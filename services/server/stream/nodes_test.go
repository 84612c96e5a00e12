package stream

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
)

func TestCheckNode(t *testing.T) {
	for _, test := range []struct {
		version string
		always  bool
		field   string // "": fine
	}{
		{"2.15.2", true, ""},
		{"2.16.0", true, ""},
		{"3.0.0-beta.1", true, ""},
		{"2.15.2", false, "sync_interval"},
		{"2.15.1", true, "version"},
		{"2.9.25", true, "version"},
		{"", true, "version"},
	} {
		text := fmt.Sprintf(`{"data":{"server_name":"n1","version":%q,"jetstream":{"config":{"sync_always":%v}}}}`,
			test.version, test.always)
		n, err := parseNode(&nats.Msg{Data: []byte(text)})
		if err != nil || !n.keeps() {
			t.Fatalf("%s: %+v, %v", text, n, err)
		}
		err = new(Stream).checkNode(n)
		var wrong *NodeError
		field := ""
		if errors.As(err, &wrong) {
			field = wrong.Field
		}
		if field != test.field {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// A node whose disk is full says nothing of how it keeps streams: it keeps none.
func TestNodeKeepsNothing(t *testing.T) {
	n, err := parseNode(&nats.Msg{Data: []byte(`{"data":{"server_name":"n1","version":"2.15.2","jetstream":{}}}`)})
	if err != nil || n.keeps() {
		t.Errorf("%+v, %v", n, err)
	}
}

// Who has heard of half of the nodes alone knows nothing of a majority.
func TestHeard(t *testing.T) {
	for _, test := range []struct {
		n, all int
		enough bool
	}{{0, 3, false}, {1, 3, false}, {2, 3, true}, {3, 3, true}, {2, 4, false}, {3, 5, true}} {
		if err := new(Stream).heard(test.n, test.all); (err == nil) != test.enough {
			t.Errorf("%d of %d: %v", test.n, test.all, err)
		}
	}
}
