package settings

import (
	"errors"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // as in the programs
)

func TestZone(t *testing.T) {
	noon := time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]int{
		"": 12, "UTC": 12, ":": 12, "Europe/Berlin": 14, ":Europe/Berlin": 14, "Asia/Tokyo": 21,
		"Etc/GMT-3": 15, "EST5EDT": 8,
	} {
		t.Setenv("TZ", name)
		zone, err := Zone()
		if err != nil || noon.In(zone).Hour() != want {
			t.Errorf("%q: %v, %v, want %d o'clock", name, zone, err, want)
		}
	}
}

func TestNoZone(t *testing.T) {
	broken := file(t, "TZif, and nothing behind it")
	for name, rule := range map[string]bool{
		"Mars/Phobos": false, "Local": false, "../etc/passwd": false, "/missing": false, broken: false,
		"europe berlin": false,
		"CET-1CEST":     true, "CET-1CEST,M3.5.0,M10.5.0/3": true, "<+03>-3": true,
	} {
		t.Setenv("TZ", name)
		_, err := Zone()
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), "must be the name of a time zone") {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if name != broken && strings.Contains(err.Error(), "is not understood") != rule {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestZoneFile(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TZ", file(t, berlin))
	got, err := Zone()
	at := time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)
	if err != nil || at.In(got).Hour() != at.In(zone).Hour() {
		t.Errorf("%v, %v", got, err)
	}
}

// berlin is a file of a zone (RFC 8536) with its rule alone.
const berlin = "TZif2" + zeros15 +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x04" +
	"\x00\x00\x0e\x10\x00\x00CET\x00" +
	"TZif2" + zeros15 + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x04" +
	"\x00\x00\x0e\x10\x00\x00CET\x00" + "\nCET-1CEST,M3.5.0,M10.5.0/3\n"

const zeros15 = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
