package deadline_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"sealpost/shared/deadline"
)

const patience = 20 * time.Second

// pipe returns both ends of a connection without any buffer: a write lasts until
// it is read.
func pipe(t *testing.T, limit time.Duration) (*deadline.Conn, net.Conn) {
	t.Helper()
	here, there := net.Pipe()
	// A write that nothing ends fails in the end, instead of holding the test up.
	end := time.AfterFunc(patience, func() { _ = here.Close() })
	t.Cleanup(func() { _, _, _ = end.Stop(), here.Close(), there.Close() })
	return deadline.New(here, limit), there
}

func wantTimeout(t *testing.T, c *deadline.Conn) {
	t.Helper()
	if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func wantWritten(t *testing.T, c *deadline.Conn, there net.Conn) {
	t.Helper()
	read := make(chan error, 1)
	go func() {
		_, err := there.Read(make([]byte, 1))
		read <- err
	}()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
}

// A deadline that is over holds until it is taken away, and no longer.
func TestDeadlineOfOthers(t *testing.T) {
	c, there := pipe(t, time.Hour)
	for _, set := range []func(time.Time) error{c.SetWriteDeadline, c.SetDeadline} {
		for _, until := range []time.Time{time.Unix(1, 0), {}} {
			if err := set(until); err != nil {
				t.Fatal(err)
			}
			if until.IsZero() {
				wantWritten(t, c, there)
			} else {
				wantTimeout(t, c)
			}
		}
	}
}

// Without a deadline a write has the limit.
func TestLimit(t *testing.T) {
	c, _ := pipe(t, time.Millisecond)
	wantTimeout(t, c)
	if err := c.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	wantTimeout(t, c)
}

// A write under way keeps its deadline when the next ones get theirs again, and
// gets one that is set for it.
func TestWriteUnderWay(t *testing.T) {
	c, there := pipe(t, time.Hour)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Write([]byte("xy"))
		ended <- err
	}()
	if _, err := there.Read(make([]byte, 1)); err != nil { // it is under way
		t.Fatal(err)
	}
	if err := c.SetWriteDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := c.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	// It keeps it however late it looks: what is below still has it.
	if _, err := c.Conn.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}
