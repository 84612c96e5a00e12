package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sealpost/shared/settings"
)

func TestJSONElsewhere(t *testing.T) {
	for _, format := range []string{FormatAuto, FormatJSON} {
		var out bytes.Buffer
		log, err := New(&out, "info", format)
		if err != nil {
			t.Fatal(err)
		}
		log.Debug().Msg("hidden")
		log.Info().Str("name", "a\x1b[31m\nb").Msg("shown")
		var line map[string]string
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("%s: %q: %v", format, out.String(), err)
		}
		if line["message"] != "shown" || line["level"] != "info" || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%s: %q", format, out.String())
		}
		stamp, err := time.Parse(time.RFC3339, line["time"])
		if err != nil || time.Since(stamp).Abs() > time.Minute || !strings.HasSuffix(line["time"], "Z") {
			t.Errorf("%s: time %q, %v", format, line["time"], err)
		}
		if strings.ContainsRune(out.String(), '\x1b') {
			t.Errorf("%s: an escape character came through", format)
		}
	}
}

func TestConsole(t *testing.T) {
	var out bytes.Buffer
	log, err := New(&out, "debug", FormatConsole)
	if err != nil {
		t.Fatal(err)
	}
	log.Debug().Str("name", "a\x1b[31m\nb\u202e").Int("n", 7).Msg("shown")
	line := out.String()
	for _, part := range []string{"DBG", "shown", "n=7", `a\x1b[31m\nb\u202e`} {
		if !strings.Contains(line, part) {
			t.Errorf("%q lacks %q", line, part)
		}
	}
	if strings.ContainsAny(line, "\x1b\u202e") || strings.Count(line, "\n") != 1 {
		t.Errorf("unsafe for a terminal: %q", line)
	}
	if _, err := time.Parse(consoleTime, strings.Fields(line)[0]); err != nil {
		t.Errorf("the line starts with no time: %q", line)
	}
}

func TestUnknownWords(t *testing.T) {
	for _, c := range []struct{ level, format, what string }{
		{"loud", "auto", "level"}, {"", "auto", "level"}, {"INFO", "auto", "level"}, {"info", "xml", "format"},
		{"info", "", "format"},
	} {
		var bad *ValueError
		if _, err := New(&bytes.Buffer{}, c.level, c.format); !errors.As(err, &bad) || bad.What != c.what {
			t.Errorf("%q, %q: error %v", c.level, c.format, err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	var out bytes.Buffer // not safe by itself
	log, err := New(&out, "info", FormatJSON)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				log.Info().Msg("x")
			}
		})
	}
	group.Wait()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 8*50 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Fatalf("broken line %q", line)
		}
	}
}

func TestSettings(t *testing.T) {
	var s Settings
	if _, err := settings.Load("LOGTEST", &s); err != nil {
		t.Fatal(err)
	}
	if _, err := New(&bytes.Buffer{}, s.LogLevel, s.LogFormat); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	t.Setenv("LOGTEST_LOG_LEVEL", "loud")
	t.Setenv("LOGTEST_LOG_FORMAT", "xml")
	var bad *settings.Error
	if _, err := settings.Load("LOGTEST", &s); !errors.As(err, &bad) || len(bad.Problems) != 2 {
		t.Errorf("error %v, want two problems", err)
	}
}
