//go:build unix

package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"

	"sealpost/services/client/courier"
)

// newTerminal returns both ends of a terminal: what a person has, and what a
// program sees.
func newTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = person.Close()
		_ = program.Close()
	})
	return person, program
}

func TestTypedMessage(t *testing.T) {
	person, program := newTerminal(t)
	r, said := newRunner(stdin, program, func(_ context.Context, m courier.Message) (courier.Delivery, error) {
		body, err := m.Open()
		if err != nil {
			return courier.Delivery{}, err
		}
		text, err := io.ReadAll(body)
		if string(text) != "typed\n" {
			t.Errorf("sent %q", text)
		}
		return courier.Delivery{}, err
	})
	if _, err := person.WriteString("typed\n\x04"); err != nil {
		t.Fatal(err)
	}
	if err := r.sendOne(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said.String(), "client: reading the message from the terminal; Ctrl-D") {
		t.Errorf("said %q", said.String())
	}
}

// A terminal that goes away looks like an end of file. Half a message is not
// taken for a whole one.
func TestTerminalHangsUp(t *testing.T) {
	person, program := newTerminal(t)
	in := whole(program)
	if _, err := person.WriteString("half a message\n"); err != nil {
		t.Fatal(err)
	}
	half := make([]byte, 64)
	if n, err := in.Read(half); string(half[:n]) != "half a message\n" {
		t.Fatalf("read %q, %v", half[:n], err)
	}
	if err := person.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := spool(stdinName, in); !errors.Is(err, errHungUp) {
		t.Errorf("error %v", err)
	}
}
