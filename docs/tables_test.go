package docs

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sealpost/services/server/daemon"
	"sealpost/shared/framing"
	"sealpost/shared/settings"
)

// rows returns the rows of the page's tables whose first cell matches.
func rows(t *testing.T, first string) [][]string {
	t.Helper()
	is := regexp.MustCompile("^" + first + "$")
	var found [][]string
	for line := range strings.Lines(read(t, "PROTOCOL.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		if strings.HasPrefix(line, "| ") && is.MatchString(cells[0]) {
			found = append(found, cells)
		}
	}
	if len(found) == 0 {
		t.Fatalf("PROTOCOL.md has no row that begins with %s", first)
	}
	return found
}

// TestProtocolTypes: the table of records names every type, and its lengths
// are those that the code takes.
func TestProtocolTypes(t *testing.T) {
	table := rows(t, `0x[0-9a-f]{2}`)
	listed := make(map[string]bool)
	for _, row := range table {
		if len(row) < 4 {
			continue // the table of classes
		}
		number, err := strconv.ParseUint(row[0], 0, 8)
		if err != nil {
			t.Fatal(err)
		}
		typ := framing.Type(number)
		listed[typ.String()] = true
		least, most, ranged := strings.Cut(row[3], " to ")
		if !ranged {
			most = least
		}
		low, errLow := strconv.Atoi(least)
		high, errHigh := strconv.Atoi(most)
		from := map[bool]string{true: "client", false: "server"}[typ < 0x80]
		if errLow != nil || errHigh != nil || row[1] != typ.String() || row[2] != from {
			t.Errorf("row %q", row)
			continue
		}
		if low > 0 && parses(typ, low-1) || !parses(typ, low) || !parses(typ, high) || parses(typ, high+1) {
			t.Errorf("%s: %d to %d bytes are not the limits", typ, low, high)
		}
	}
	for number := range 256 {
		if name := framing.Type(number).String(); !strings.HasPrefix(name, "record type") && !listed[name] {
			t.Errorf("%s (0x%02x) is not in the table", name, number)
		}
	}
}

// parses reports whether a record of n bytes of payload is well-formed.
func parses(typ framing.Type, n int) bool {
	payload := bytes.Repeat([]byte("!"), n)
	header := []byte{byte(typ), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	rec, err := framing.NewReader(bytes.NewReader(append(header, payload...))).Next()
	if err != nil {
		return false
	}
	switch typ {
	case framing.TypeOffer:
		_, err = framing.ParseOffer(rec.Payload)
	case framing.TypeWelcome:
		_, err = framing.ParseWelcome(rec.Payload)
	case framing.TypeAccept:
		_, err = framing.ParseAccept(rec.Payload)
	case framing.TypeReceipt:
		_, err = framing.ParseReceipt(rec.Payload)
	case framing.TypeRefusal:
		_, err = framing.ParseRefusal(rec.Payload)
	case framing.TypeClose:
		_, err = framing.ParseClose(rec.Payload)
	}
	return err == nil
}

// TestProtocolCodes: the page's table, and Python's, are that of the code.
func TestProtocolCodes(t *testing.T) {
	there := make(map[string]string)
	for number := range 1 << 16 {
		if name := framing.Code(number).String(); !strings.HasPrefix(name, "code ") {
			there[fmt.Sprintf("0x%04x", number)] = name
		}
	}
	listed := make(map[string]string)
	for _, row := range rows(t, `0x[0-9a-f]{4}`) {
		listed[row[0]] = row[1]
	}
	if !maps.Equal(listed, there) {
		t.Errorf("the page has the codes %v, want %v", listed, there)
	}
	python := make(map[string]string)
	line := regexp.MustCompile(`(?m)^    ([A-Z_, ]+) = (0x[0-9a-f]{4}(?:, 0x[0-9a-f]{4})*)$`)
	for _, m := range line.FindAllStringSubmatch(read(t, "examples/python/sealpost/wire.py"), -1) {
		names, numbers := strings.Split(m[1], ", "), strings.Split(m[2], ", ")
		for i, number := range numbers[:min(len(names), len(numbers))] {
			python[number] = strings.ToLower(strings.ReplaceAll(names[i], "_", " "))
		}
	}
	if !maps.Equal(python, there) {
		t.Errorf("wire.py has the codes %v, want %v", python, there)
	}
}

// TestProtocolDefaults: the settings on the page exist and have the defaults
// that it gives.
func TestProtocolDefaults(t *testing.T) {
	var config daemon.Config
	if _, err := settings.Load(daemon.Prefix, &config); err != nil {
		t.Fatal(err)
	}
	inForce := make(map[string]string)
	for _, s := range settings.Effective(daemon.Prefix, &config) {
		inForce[s.Name] = s.Value
	}
	for _, row := range rows(t, "`?SERVER_[A-Z_]+`?") {
		value, known := inForce[row[0]]
		if a, err := time.ParseDuration(row[1]); err == nil {
			b, err := time.ParseDuration(value)
			if err != nil || a != b {
				t.Errorf("%s: %s on the page, %s in force", row[0], row[1], value)
			}
		} else if !known || row[1] != value {
			t.Errorf("%s: %q on the page, %q in force", row[0], row[1], value)
		}
	}
}
