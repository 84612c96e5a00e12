package integration

import (
	"fmt"
	"strings"
	"testing"

	"sealpost/shared/demo"
)

func demoMessages(t *testing.T) map[string][]byte {
	t.Helper()
	messages, err := demo.Messages()
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string][]byte)
	for _, m := range messages {
		want[m.Name] = m.Body
	}
	if len(want) != 6 {
		t.Fatalf("%d demo messages", len(want))
	}
	return want
}

// The whole demo: six messages in, six files out, byte for byte; and again.
func TestDemo(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	want := demoMessages(t)

	out, code := s.upToTheEnd()
	if code != 0 {
		t.Fatalf("the first run ended with %d:\n%s", code, out)
	}
	entries, contents := s.collected()
	expectEach(t, entries, contents, want, 1)
	for i := range 6 {
		if !strings.Contains(out, fmt.Sprintf("File name: server_message%d.txt\n", i)) {
			t.Errorf("message %d was not printed", i)
		}
	}
	for _, line := range []string{
		"Total Encrypted Message Size: 172 bytes", "Total Decrypted Message Size: 107 bytes",
		"Total Encrypted Message Size: 2904 bytes", "Total Decrypted Message Size: 2169 bytes",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("not printed: %s", line)
		}
	}

	again, code := s.upToTheEnd()
	if code != 0 {
		t.Fatalf("the second run ended with %d:\n%s", code, again)
	}
	entries, contents = s.collected()
	expectEach(t, entries, contents, want, 2)
	if strings.Contains(again, "File name: server_message5.txt\n") ||
		!strings.Contains(again, "File name: server_message11.txt\n") {
		t.Errorf("the second run did not print just what is new:\n%s", again)
	}
}

func TestScale(t *testing.T) {
	for _, clients := range []int{1, 12} {
		t.Run(fmt.Sprint(clients), func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			out, code := s.upToTheEnd("--scale", fmt.Sprintf("client=%d", clients))
			if code != 0 {
				t.Fatalf("ended with %d:\n%s", code, out)
			}
			entries, contents := s.collected()
			expectEach(t, entries, contents, demoMessages(t), 1)
		})
	}
}
