package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/integration/mutants/mutate"
	"sealpost/services/server/stream/natstest"
)

// clockVariable says how far ahead the clock is of a program that withClock has built.
const clockVariable = "FAULTS_CLOCK_AHEAD"

const clockSource = `package time

import "syscall"

var clockAhead = func() int64 {
	text, _ := syscall.Getenv("` + clockVariable + `")
	ahead, err := ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return int64(ahead / Second)
}()
`

// withClock builds a program with a clock that can be ahead, or behind.
func withClock(t *testing.T, of string) (program string) {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	const now = "sec, nsec, mono := runtimeNow()\n"
	const ifUnset = "\tif mono == 0 {"
	change := mutate.Change{File: "time.go", Old: now + ifUnset, New: now + "\tsec += clockAhead\n" + ifUnset}
	texts := changed(t, dir, change)
	texts[filepath.Join(dir, "ahead.go")] = clockSource
	return edited(t, of, texts)
}

// severalClocks has the clocks of servers and of nodes an hour apart. Each node leads in turn,
// so that the time in the log goes forth and back.
func severalClocks(t *testing.T) {
	t.Parallel()
	var clocks [][]string
	for _, ahead := range []string{"0s", "1h", "-1h"} {
		clocks = append(clocks, []string{clockVariable + "=" + ahead})
	}
	s := newSeveral(t, natstest.Options{Program: withClock(t, "github.com/nats-io/nats-server/v2"), Env: clocks})
	program := withClock(t, "sealpost/services/server")
	for i, one := range s.servers {
		one.program, one.env = program, append(one.env, clocks[(i+1)%len(clocks)]...)
	}
	f, load := s.underLoad(stallSeveral, 8)
	random := rand.New(rand.NewPCG(*seed, 50))
	var ahead, behind bool
	for round := range rounds(3, 12) {
		s.nodes.Lead(s.log, s.nodes.Nodes[round%3])
		f.await(30 + random.IntN(60))
		off := time.Until(s.newest())
		ahead, behind = ahead || off > 30*time.Minute, behind || off < -30*time.Minute
		s.killServer(random)
		s.ready()
	}
	if !ahead || !behind {
		t.Errorf("the time in the log was never ahead (%t), or never behind (%t)", ahead, behind)
	}
	load.finish()
	s.settle(f, "50 several: clocks an hour apart")
}

// newest is the time of the newest entry of the log.
func (s *several) newest() (at time.Time) {
	s.t.Helper()
	s.eventually("the newest entry", func(context.Context) (bool, string) {
		info, err := s.nodes.Info(s.log)
		if err != nil {
			return false, err.Error()
		}
		at = info.State.LastTime
		return true, ""
	})
	return at
}

// severalOlder has one server run older software than the others, which write entries that it
// does not know. It says so and waits, and has all once its software is as new.
func severalOlder(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, natstest.Options{})
	f, load := s.underLoad(defaultStall, 8)
	const entries = "services/server/logbook/replicated/entry/entry.go"
	newer := edited(t, "sealpost/services/server", changed(t, "../..",
		mutate.Change{File: entries, Old: "const Version = 1\n", New: "const Version = 2\n"},
		mutate.Change{File: entries, Old: "|| h.V != Version {", New: "|| h.V > Version {"},
		mutate.Change{File: entries, Old: "if of.V != Version {", New: "if of.V > Version {"}))
	random := rand.New(rand.NewPCG(*seed, 51))
	older := random.IntN(len(s.servers))
	for i, one := range s.servers {
		if i == older {
			continue
		}
		f.await(30 + random.IntN(60))
		one.upgrade(newer)
	}
	one := s.servers[older]
	for range rounds(1, 6) {
		one.saysNewer()
		f.await(60)
		one.kill()
		one.start()
	}
	one.saysNewer()
	one.upgrade(newer)
	f.await(30)
	load.finish()
	s.settle(f, "51 several: one server's software older")
}

// upgrade has the server run another program.
func (s *server) upgrade(program string) {
	s.t.Helper()
	s.stop()
	s.program = program
	s.start()
	s.await(ready)
}

// saysNewer waits until the server says that it meets what a newer one wrote, and what to do.
func (s *server) saysNewer() {
	s.t.Helper()
	s.until(func(ctx context.Context) (bool, string) {
		status, reason := s.readyz(ctx)
		says := strings.Contains(reason, "of version 2, this server reads version 1\nhint: upgrade this server")
		return status == red && says, fmt.Sprint(status, reason)
	})
}
