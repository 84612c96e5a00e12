package days

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"sealpost/shared/durable"
)

// childEnv makes this test binary a process that puts, or prunes, and ends.
const childEnv = "DAYS_TEST_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		var p plan
		err := json.Unmarshal([]byte(text), &p)
		if err == nil {
			err = p.run()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// plan is what such a process does.
type plan struct {
	Dir    string
	Names  []string // of the messages, in files/
	First  int      // number of the first
	Again  bool
	Refuse bool
	Prune  time.Time // instead, at that time
	Wait   bool      // say "ready" and wait for a line at first

	Supersede bool // instead, give all that was sent another receipt
}

func (p plan) batch() (b Batch) {
	b = Batch{Day: noon, Again: p.Again, Flush: eachByItself}
	if p.Again {
		b.Day = noon.AddDate(0, 0, 1)
	}
	for n, name := range p.Names {
		item := itemOf(p.First+n, name)
		if p.Refuse {
			item.Text = []byte("refused")
		}
		b.Items = append(b.Items, item)
	}
	return b
}

func (p plan) place() (place Place, from *durable.Dir, err error) {
	place = Place{Owner: os.Geteuid(), Heir: durable.Keep}
	name := "sent"
	if p.Refuse {
		place.Kind, name = Refused, "refused"
	}
	place.Dir, err = durable.OpenDir(filepath.Join(p.Dir, name))
	if err == nil {
		from, err = durable.OpenDir(filepath.Join(p.Dir, "files"))
	}
	return place, from, err
}

func (p plan) run() error {
	place, from, err := p.place()
	if err != nil {
		return err
	}
	if p.Wait {
		fmt.Println("ready")
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			return err
		}
	}
	if p.Supersede {
		return place.supersede(noon)
	}
	if !p.Prune.IsZero() {
		_, err := place.Prune(context.Background(), p.Prune, time.Hour)
		return err
	}
	b := p.batch()
	for i := range b.Items {
		b.Items[i].From = from
	}
	results, err := place.Put(b)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	return err
}

func (p plan) command(t *testing.T) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	// A race-enabled program else waits a second before it exits.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", childEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	return cmd
}
