package group

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"sealpost/shared/message"
)

// FuzzRecords: what is read of records is the same when it is written again.
func FuzzRecords(f *testing.F) {
	line := `{"id":"0123456789abcdef0123456789abcdef","sender":"s","name":"n","cipher":"none","size":3,"sha256":"` +
		strings.Repeat("ab", 32) + `"}` + "\n"
	for _, lines := range []string{"", line, line + line, line + strings.ReplaceAll(line, "0123", "4567"), "{}\n"} {
		f.Add(lines, strings.Count(lines, "\n"))
	}
	f.Fuzz(func(t *testing.T, lines string, count int) {
		text := fmt.Sprintf(`{"v":1,"count":%d,"sha256":"%x"}`+"\n%s", count, sha256.Sum256([]byte(lines)), lines)
		records, err := parseRecords([]byte(text))
		if err != nil {
			return
		}
		again, err := appendRecords(records)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := parseRecords(again); err != nil || !reflect.DeepEqual(same, records) {
			t.Errorf("%+v comes back as %+v, %v", records, same, err)
		}
	})
}

// The longest records are not too long to be read again.
func TestLongestRecords(t *testing.T) {
	var records []Record
	for n := range Most {
		name := fmt.Sprintf("%03d", n)
		name += strings.Repeat("<", message.MaxName-len(name))
		records = append(records, Record{ID: message.NewID(), Sender: strings.Repeat("s", message.MaxSender), Name: name,
			Cipher: message.None, Size: 1 << 63})
	}
	text, err := appendRecords(records)
	if err != nil || len(text) > maxRecords {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if again, err := parseRecords(text); err != nil || !reflect.DeepEqual(again, records) {
		t.Errorf("%d records come back, %v", len(again), err)
	}
}
