package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sealpost/services/driver/drivertest"
	"sealpost/shared/numbers"
)

// counted is a driver that hands on to a command, and to a directory of messages. The
// command appends the number and the SHA-256 of what it got to a file.
type counted struct {
	t         *testing.T
	v         *drivertest.Volume
	dir, told string
	env       []string
}

func newCounted(t *testing.T) *counted {
	t.Helper()
	root := t.TempDir()
	c := &counted{t: t, v: drivertest.NewVolume(t), dir: filepath.Join(root, "out"), told: filepath.Join(root, "told")}
	script := filepath.Join(root, "hook")
	text := "#!/bin/sh\nset -e\nsum=$(sha256sum < \"$SEALPOST_MESSAGE\")\n" +
		"echo \"$SEALPOST_NUMBER ${sum%% *}\" >> '" + c.told + "'\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	c.env = append(os.Environ(), "DRIVER_FTP_ADDR="+drivertest.Serve(t, c.v.Dir, nil), "DRIVER_FTP_USER="+drivertest.User,
		"DRIVER_FTP_PASSWORD="+drivertest.Password, "DRIVER_FTP_TLS=off", "DRIVER_OUTPUT_DIR="+c.dir,
		"DRIVER_ON_FILE="+script, "DRIVER_MESSAGES_DIR="+filepath.Join(root, "messages"), "DRIVER_LOG_LEVEL=error")
	return c
}

func (c *counted) driver() *exec.Cmd {
	cmd := exec.CommandContext(c.t.Context(), filepath.Join(programs, "driver"))
	cmd.Env = c.env
	return cmd
}

// numbersTold are the numbers that the command got, as often as it got them.
func (c *counted) numbersTold() (list []uint64) {
	c.t.Helper()
	text, err := os.ReadFile(c.told)
	if err != nil && !os.IsNotExist(err) {
		c.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		first, sum, _ := strings.Cut(strings.TrimSpace(line), " ")
		number, err := strconv.ParseUint(first, 10, 64)
		if err != nil || number >= uint64(len(c.v.Entries)) || sum != c.v.Entries[number].SHA256.String() {
			c.t.Fatalf("the command got %q", line)
		}
		list = append(list, number)
	}
	return list
}

// check compares what was passed with what the command got and what is owed.
func (c *counted) check() {
	c.t.Helper()
	position, err := os.ReadFile(filepath.Join(c.dir, "handed"))
	if err != nil {
		return // nothing was passed
	}
	text, _, _ := strings.Cut(string(position), "\n")
	next, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		c.t.Fatalf("the position is %q", position)
	}
	var owed numbers.Set
	list, _ := os.ReadFile(filepath.Join(c.dir, "owed"))
	if len(list) > 0 {
		if owed, err = numbers.Parse(strings.ReplaceAll(strings.TrimSpace(string(list)), "\n", ",")); err != nil {
			c.t.Fatalf("owed: %q", list)
		}
	}
	told := c.numbersTold()
	for number := range next {
		if !slices.Contains(told, number) && !owed.Has(number) {
			c.t.Errorf("message %d was passed, was not handed on, and is not owed", number)
		}
	}
}

// TestHandingOnKilled kills the driver at moments drawn at random while it collects
// and hands on. Each message is handed on at least once, and for the first time in
// order, but for those whose files came late.
func TestHandingOnKilled(t *testing.T) {
	t.Parallel()
	c := newCounted(t)
	random := rand.New(rand.NewPCG(*seed, 31))
	missing := make(map[string][]byte)
	late := make(map[uint64]bool)
	for round := range rounds(10, 200) {
		for range 4 {
			e := c.v.Add(fmt.Sprintf("%d.txt", len(c.v.Entries)), []byte(strings.Repeat("text", random.IntN(1000))))
			if e.Seq%7 == 3 {
				missing[e.File], late[e.Seq] = c.v.Read(e.File), true
				c.v.Remove(e.File)
			}
		}
		if round%3 == 2 {
			for file, text := range missing {
				c.v.Write(file, text)
				delete(missing, file)
			}
		}
		cmd := c.driver()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The pause is the fault, not a wait for something.
		<-time.After(time.Duration(random.IntN(150_000)) * time.Microsecond)
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		c.check()
	}
	for file, text := range missing {
		c.v.Write(file, text)
	}
	if out, err := c.driver().CombinedOutput(); err != nil {
		t.Fatalf("the last run: %v\n%s", err, out)
	}
	c.check()
	c.checkOrder(late)
}

func (c *counted) checkOrder(late map[uint64]bool) {
	c.t.Helper()
	var first []uint64
	seen := make(map[uint64]bool)
	told := c.numbersTold()
	for _, number := range told {
		if !seen[number] && !late[number] {
			first = append(first, number)
		}
		seen[number] = true
	}
	if !slices.IsSorted(first) {
		c.t.Errorf("not in order: %v", first)
	}
	for _, e := range c.v.Entries {
		if !seen[e.Seq] {
			c.t.Errorf("message %d was never handed on", e.Seq)
		}
	}
	if _, err := os.Stat(filepath.Join(c.dir, "owed")); !os.IsNotExist(err) {
		c.t.Errorf("something is owed: %v", err)
	}
	c.t.Logf("%d messages were handed on, %d times", len(seen), len(told))
}
