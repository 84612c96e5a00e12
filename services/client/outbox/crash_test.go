package outbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sealpost/shared/message"
)

// steps are the points between the operations of the protocol at which a
// client may die; sending one message passes all of them in this order.
var steps = []string{
	"made", "locked", "shown", "claimed", "recorded", "anchored", "offered", "accepted",
	"delivered", "receipted", "moved", "settled", "cleared",
}

// takeOverSteps are those of a client that finds a group with a dead holder.
var takeOverSteps = append([]string{"taken over"}, steps[4:]...)

func TestStepsAreAllThereAre(t *testing.T) {
	b := newBench(t)
	b.put(manyFiles(1))
	p := b.spawn(plan{List: true})
	if got := p.lines(t); !slices.Equal(got, steps) {
		t.Errorf("a message passes %q, want %q", got, steps)
	}
	if p.killed(t) {
		t.Error("killed")
	}
}

// A client dies at each step in turn; the next one finishes its work.
func TestKilledAtEachStep(t *testing.T) {
	for _, at := range steps {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			files := manyFiles(2)
			b.put(files)
			if !b.spawn(plan{At: at, Count: 1}).killed(t) {
				t.Fatal("the client was not killed")
			}
			b.run(b.config())
			b.onlySent(files, message.None)
		})
	}
}

// The one that takes over dies too, at each of its steps. The first deaths are
// those that leave something to take over, one for each state on disk.
func TestKilledAgainInTakeOver(t *testing.T) {
	for _, first := range []string{"claimed", "recorded", "accepted", "receipted"} {
		for _, second := range takeOverSteps {
			t.Run(first+" then "+second, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				files := manyFiles(1)
				b.put(files)
				if !b.spawn(plan{At: first, Count: 1}).killed(t) {
					t.Fatal("the client was not killed")
				}
				if !b.spawn(plan{At: second, Count: 1}).killed(t) {
					t.Error("the second client was not killed")
				}
				b.run(b.config())
				b.onlySent(files, message.None)
			})
		}
	}
}

// Six clients share the work and die at random steps while they hold claims;
// each is replaced until all files are through.
func TestManyClientsKilledAtRandom(t *testing.T) {
	b := newBench(t)
	files := manyFiles(120)
	b.put(files)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	counts := make(chan int, 18)
	for range cap(counts) {
		counts <- 1 + random.IntN(100)
	}
	close(counts)
	deaths := make(chan bool, cap(counts))
	for range 6 {
		go func() {
			for count := range counts {
				deaths <- b.spawn(plan{Count: count}).killed(t)
			}
		}()
	}
	died := 0
	for range cap(counts) {
		if <-deaths {
			died++
		}
	}
	if died == 0 {
		t.Error("nobody was killed")
	}
	b.run(b.config())
	b.onlySent(files, message.None)
}

// A client waits while another one lives, and takes over when it is killed.
func TestWaitsForAHolderAndReplacesIt(t *testing.T) {
	for _, at := range []string{"claimed", "offered", "accepted", "receipted"} {
		t.Run(at, func(t *testing.T) {
			b := newBench(t)
			files := manyFiles(1)
			b.put(files)
			holder := b.spawn(plan{At: at, Count: 1, Hold: true})
			holder.awaitHeld(t)

			cfg := b.config()
			waiting := awaitLog(&cfg, "waiting for other clients")
			done := make(chan error, 1)
			go func() {
				_, err := Run(b.Context(), cfg)
				done <- err
			}()
			select {
			case err := <-done:
				t.Fatalf("ended while another client held a message: %v", err)
			case <-waiting:
			}
			if err := holder.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			holder.killed(t)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			b.onlySent(files, message.None)
		})
	}
}

func TestManyClientsInOneProcess(t *testing.T) {
	b := newBench(t)
	files := manyFiles(150)
	b.put(files)
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			out, err := Run(b.Context(), b.config())
			if err == nil && (len(out.Left) > 0 || out.Refused > 0) {
				err = fmt.Errorf("outcome %+v", out)
			}
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	b.onlySent(files, message.None)
}
