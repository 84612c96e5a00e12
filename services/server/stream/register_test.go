package stream_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
)

func register(t *testing.T, c *natstest.Cluster, name string) *stream.Register {
	t.Helper()
	c.CreateRegister(name)
	return openRegister(t, c, name)
}

func openRegister(t *testing.T, c *natstest.Cluster, name string) *stream.Register {
	t.Helper()
	r, err := stream.OpenRegister(t.Context(), c.Config(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func testRegister(t *testing.T, c *natstest.Cluster) {
	r := register(t, c, "REGISTER")
	if _, _, err := r.Value(t.Context()); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("without a value: %v", err)
	}
	set := func(value string, over uint64) {
		t.Helper()
		if revision, err := r.Set(t.Context(), []byte(value), over); err != nil || revision != over+1 {
			t.Fatalf("revision %d, %v", revision, err)
		}
	}
	set("one", 0)
	value, revision, err := openRegister(t, c, "REGISTER").Value(t.Context())
	if err != nil || string(value) != "one" {
		t.Fatalf("%q, %v", value, err)
	}
	set("two", revision)
	for _, old := range []uint64{0, revision} {
		if _, err := r.Set(t.Context(), []byte("three"), old); !errors.Is(err, stream.ErrChanged) {
			t.Errorf("over revision %d: %v", old, err)
		}
	}
	if value, _, err := r.Value(t.Context()); err != nil || string(value) != "two" {
		t.Errorf("%q, %v", value, err)
	}
	if _, err := r.Set(t.Context(), make([]byte, 3<<20), revision+1); !errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("a large value: %v", err)
	}
}

// The newest value stays, however many there were.
func testRegisterKeepsTheNewest(t *testing.T, c *natstest.Cluster) {
	r := register(t, c, "OLD")
	for i := range uint64(200) {
		if _, err := r.Set(t.Context(), fmt.Append(nil, i), i); err != nil {
			t.Fatal(err)
		}
	}
	if value, revision, err := r.Value(t.Context()); err != nil || string(value) != "199" || revision != 200 {
		t.Errorf("%q of revision %d, %v", value, revision, err)
	}
}

// A stream that is no register, or is one no more, is not taken for one.
func testOpenRegister(t *testing.T, c *natstest.Cluster) {
	create(t, c, "PLAIN", stream.Settings{MaxBytes: 1 << 20})
	open := func(name, field string) {
		_, err := stream.OpenRegister(t.Context(), c.Config(name))
		var connect *stream.ConnectError
		if !errors.As(err, &connect) {
			t.Errorf("%s: %v", name, err)
			return
		}
		if differs(t, connect.Err) != field {
			t.Errorf("%s: %v", name, err)
		}
	}
	open("PLAIN", "discard")
	c.CreateRegister("CHANGED")
	changed := config(t, c, "CHANGED")
	changed.AllowDirect = true
	if _, err := c.JetStream().UpdateStream(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	open("CHANGED", "allow_direct")
}

// Several count in one register, while its leader is killed: no step is lost, none is
// counted twice.
func testRegisterUnderFaults(t *testing.T, c *natstest.Cluster) {
	const programs, steps = 4, 4 // no more than a register keeps
	r := register(t, c, "COUNT")
	if _, err := r.Set(t.Context(), []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	half := make(chan struct{}, programs)
	for range programs {
		r := openRegister(t, c, "COUNT")
		wg.Go(func() {
			reached := sync.OnceFunc(func() { half <- struct{}{} })
			defer reached()
			for i := range steps {
				if err := step(t, r); err != nil {
					t.Error(err)
					return
				}
				if i == steps/2 {
					reached()
				}
			}
		})
	}
	<-half
	leader := c.Leader("COUNT")
	leader.Kill()
	wg.Wait()
	leader.Start()
	c.AwaitNodes()
	c.Await("COUNT")
	if value, _, err := r.Value(t.Context()); err != nil || counted(value) != programs*steps {
		t.Errorf("counted to %s, %v", value, err)
	}
}

// step adds 1. Each value has a mark, so that no two are the same.
func step(t *testing.T, r *stream.Register) error {
	for {
		value, revision, err := r.Value(t.Context())
		for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); {
			value, revision, err = r.Value(t.Context())
		}
		if err != nil {
			return err
		}
		next := fmt.Appendf(nil, "%d %s", counted(value)+1, rand.Text())
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err = r.Set(ctx, next, revision)
		cancel()
		if !errors.Is(err, stream.ErrChanged) {
			return err
		}
	}
}

func counted(value []byte) (n int) {
	_, _ = fmt.Sscan(string(value), &n)
	return n
}
