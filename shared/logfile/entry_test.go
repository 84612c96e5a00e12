package logfile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/vectortest"
)

func TestLineVectors(t *testing.T) {
	for _, v := range vectortest.Read(t, "testdata/lines") {
		t.Run(v.Name, func(t *testing.T) {
			e, err := logfile.ParseLine(v.Body)
			if v.Header["expect"] != "success" {
				var bad *logfile.LineError
				if !errors.As(err, &bad) || bad.Rule == "" || e != (logfile.Entry{}) {
					t.Fatalf("ParseLine: %+v, %v", e, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := e.Line(); err != nil || !bytes.Equal(got, v.Body) {
				t.Errorf("Line: %s, %v, want\n%s", got, err, v.Body)
			}
			var fields map[string]any
			if err := json.Unmarshal(v.Body, &fields); err != nil || fields["name"] != e.Name {
				t.Errorf("another reader finds the name %q, %v, want %q", fields["name"], err, e.Name)
			}
		})
	}
}

func entry() logfile.Entry {
	return logfile.Entry{
		V: 1, Seq: 3, File: "server_message3.txt", ID: message.ID{1}, Sender: "s", Name: "n",
		Cipher: message.None, ReceivedAt: time.Date(2026, 2, 3, 4, 5, 6, 700, time.UTC), Size: 9,
	}
}

// TestLineTime: the same instant makes the same line, whatever its zone and
// whether or not it carries a reading of the monotonic clock.
func TestLineTime(t *testing.T) {
	e := entry()
	e.ReceivedAt = time.Now()
	first, err := e.Line()
	if err != nil {
		t.Fatal(err)
	}
	e.ReceivedAt = e.ReceivedAt.Round(0).In(time.FixedZone("east", 3600))
	second, err := e.Line()
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("%s\n%s, %v", first, second, err)
	}
	back, err := logfile.ParseLine(first)
	if err != nil || !back.ReceivedAt.Equal(e.ReceivedAt) || back.ReceivedAt.Location() != time.UTC {
		t.Errorf("comes back as %v, %v", back.ReceivedAt, err)
	}
}

func TestLineRefuses(t *testing.T) {
	breaks := map[string]func(*logfile.Entry){
		"no version":       func(e *logfile.Entry) { e.V = 0 },
		"no file":          func(e *logfile.Entry) { e.File = "" },
		"another shard":    func(e *logfile.Entry) { e.File = "000001/" + e.File },
		"another file":     func(e *logfile.Entry) { e.Seq++ },
		"control in name":  func(e *logfile.Entry) { e.Name = "a\nb" },
		"name not UTF-8":   func(e *logfile.Entry) { e.Name = "a\xff" },
		"no name":          func(e *logfile.Entry) { e.Name = "" },
		"no sender":        func(e *logfile.Entry) { e.Sender = "" },
		"quote in sender":  func(e *logfile.Entry) { e.Sender = `"` },
		"no cipher":        func(e *logfile.Entry) { e.Cipher = "" },
		"encrypted, none":  func(e *logfile.Entry) { e.EncryptedSize = 44 },
		"year 10000":       func(e *logfile.Entry) { e.ReceivedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"year 10000 here":  func(e *logfile.Entry) { e.ReceivedAt = zoned(9999, 12, 31, 23, -1) },
		"year -1":          func(e *logfile.Entry) { e.ReceivedAt = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC) },
		"2012, no base64":  func(e *logfile.Entry) { e.Cipher = message.Cipher2012 },
		"wire 2012, wrong": func(e *logfile.Entry) { e.Sender, e.Name = "-", "\u202e" },
	}
	good := entry()
	if _, err := good.Line(); err != nil {
		t.Fatal(err)
	}
	for name, change := range breaks {
		e := entry()
		change(&e)
		line, err := e.Line()
		var bad *logfile.LineError
		if !errors.As(err, &bad) || line != nil {
			t.Errorf("%s: %s, %v", name, line, err)
		}
	}
	e := entry()
	e.Name = "\x1b"
	_, err := e.Line()
	var name *message.NameError
	if !errors.As(err, &name) {
		t.Errorf("the cause is no NameError: %v", err)
	}
}

func zoned(year int, month time.Month, day, hour, hours int) time.Time {
	return time.Date(year, month, day, hour, 30, 0, 0, time.FixedZone("", hours*60*60))
}

func TestDigest(t *testing.T) {
	d := logfile.Digest{0: 0xab, 31: 1}
	if got, err := logfile.ParseDigest(d.String()); err != nil || got != d {
		t.Errorf("%s comes back as %s, %v", d, got, err)
	}
	text := d.String()
	for _, s := range []string{"", text[1:], text + "0", strings.ToUpper(text), "g" + text[1:], strings.Repeat(" ", 64)} {
		if _, err := logfile.ParseDigest(s); !errors.Is(err, logfile.ErrDigest) {
			t.Errorf("%q: %v", s, err)
		}
		got := d
		if err := got.UnmarshalText([]byte(s)); !errors.Is(err, logfile.ErrDigest) || got != d {
			t.Errorf("UnmarshalText(%q): %s, %v", s, got, err)
		}
	}
}

// FuzzLine: what parses is written again byte for byte, and is what the oracle
// takes too.
func FuzzLine(f *testing.F) {
	for _, v := range vectortest.Read(f, "testdata/lines") {
		f.Add(v.Body)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		checkOracle(t, line)
		e, err := logfile.ParseLine(line)
		if err != nil {
			var bad *logfile.LineError
			if !errors.As(err, &bad) {
				t.Fatalf("%q: %v is no LineError", line, err)
			}
			return
		}
		if got, err := e.Line(); err != nil || !bytes.Equal(got, line) {
			t.Fatalf("%q is written again as %q, %v", line, got, err)
		}
	})
}
