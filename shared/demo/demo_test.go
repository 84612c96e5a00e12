package demo

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"sealpost/shared/message"
)

func TestMessages(t *testing.T) {
	messages, err := Messages()
	if err != nil {
		t.Fatal(err)
	}
	if len(messages) != 6 {
		t.Fatalf("%d messages, want 6", len(messages))
	}
	sizes := map[string]int{"empty.txt": 0, "two-blocks.txt": 64, "one-line.txt": 107, "about.txt": 2169}
	for _, m := range messages {
		if err := message.CheckName(m.Name); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if !utf8.Valid(m.Body) {
			t.Errorf("%s is not UTF-8", m.Name)
		}
		if size, ok := sizes[m.Name]; ok && len(m.Body) != size {
			t.Errorf("%s has %d bytes, want %d", m.Name, len(m.Body), size)
		}
		delete(sizes, m.Name)
	}
	if len(sizes) != 0 {
		t.Errorf("missing: %v", sizes)
	}
}

func TestSpecialContent(t *testing.T) {
	bodies := map[string]string{}
	messages, err := Messages()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		bodies[m.Name] = string(m.Body)
	}
	if strings.ContainsAny(bodies["one-line.txt"], "\r\n") {
		t.Error("one-line.txt has more than one line")
	}
	for _, script := range []string{"файл", "αρχείο", "קובץ", "ملف", "文件", "파일"} {
		if !strings.Contains(bodies["many-scripts.txt"], script) {
			t.Errorf("many-scripts.txt lacks %q", script)
		}
	}
	lookalike := bodies["looks-like-a-log.txt"]
	for _, part := range []string{
		"\n-----\nDECRYPTED MESSAGE CONTENT\n-----\n\n",
		"\n-----\nENCRYPTED MESSAGE CONTENT\n-----\n\n",
		"\r\n-----\r\nDECRYPTED MESSAGE CONTENT\r\n-----\r\n",
		"Message Received at: ",
	} {
		if !strings.Contains(lookalike, part) {
			t.Errorf("looks-like-a-log.txt lacks %q", part)
		}
	}
}

func TestMessagesAreTheCallersOwn(t *testing.T) {
	first, err := Messages()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range first {
		clear(m.Body)
	}
	second, err := Messages()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first[0].Body, second[0].Body) {
		t.Error("a change to one caller's bytes shows in another's")
	}
}
