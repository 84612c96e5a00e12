package courier

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/dial"
	"sealpost/shared/framing"
)

// The way back to a server that only stands by is tried ever more rarely.
func TestBackInVain(t *testing.T) {
	c := New(Config{Return: time.Second})
	defer c.Close()
	for _, step := range []struct {
		back, kept bool
		want       time.Duration
	}{
		{false, false, 1}, {true, false, 2}, {true, false, 4}, {false, false, 4}, {true, false, 8}, {true, false, 16},
		{true, false, 32}, {true, false, 32}, {true, true, 1}, {true, false, 2},
	} {
		s := &session{back: step.back, kept: step.kept}
		s.ctx, s.end = context.WithCancelCause(t.Context())
		c.current = s
		c.leave(s, &laterError{code: framing.CodeUnavailable})
		if got := c.backPause(); got != step.want*time.Second || s.ctx.Err() == nil {
			t.Errorf("%+v: a pause of %s; left: %v", step, got, s.ctx.Err())
		}
	}
}

// So is that to a server that is not the right one.
func TestBackToTheWrongOne(t *testing.T) {
	wrong := httptest.NewUnstartedServer(nil)
	wrong.Config.ErrorLog = log.New(io.Discard, "", 0)
	wrong.StartTLS()
	defer wrong.Close()
	said := make(lines, 10)
	c := New(Config{
		Servers: dial.One(wrong.Listener.Addr().String(), &tls.Config{ServerName: "example.com"}),
		Return:  time.Millisecond, Log: zerolog.New(said),
	})
	defer c.Close()
	s := &session{target: dial.Target{Rank: 1}}
	s.ctx, s.end = context.WithCancelCause(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.comeBack(s) })
	<-said
	<-said
	if pause := c.backPause(); pause < 4*time.Millisecond {
		t.Errorf("after two ways back in vain a pause of %s", pause)
	}
	s.end(nil)
	running.Wait()
}

// lines has a value for each line that is logged.
type lines chan struct{}

func (l lines) Write(p []byte) (int, error) {
	select {
	case l <- struct{}{}:
	default: // nobody counts any more
	}
	return len(p), nil
}
