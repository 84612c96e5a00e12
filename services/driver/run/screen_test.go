package run

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
)

func progress(t *testing.T) *collector.Progress {
	t.Helper()
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("x"))
	p := new(collector.Progress)
	_, err := collector.Collect(context.Background(), collector.Config{
		Addr: drivertest.Serve(t, v.Dir, nil), User: drivertest.User, Password: drivertest.Password,
		Dir: t.TempDir(), Progress: p,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProgressGivesWay(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out, terminal: true}
	p := progress(t)
	s.paint(p)
	if _, err := io.WriteString(s, "log line\n"); err != nil {
		t.Fatal(err)
	}
	s.paint(p)
	s.show(p)()
	const line = "1 of 1 files, 209 B"
	if want := line + eraseLine + "log line\n" + line + eraseLine; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestNoProgressWithoutTerminal(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out)
	if s.terminal {
		t.Fatal("a buffer is not a terminal")
	}
	s.show(progress(t))()
	log, err := s.logger("info", "auto")
	if err != nil {
		t.Fatal(err)
	}
	log.Info().Msg("hello")
	if got := out.String(); !strings.HasPrefix(got, "{") || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}
