package settings

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestFiles(t *testing.T) {
	for content, want := range map[string]string{
		"secret": "secret", "secret\n": "secret", "secret\r\n": "secret", " secret ": " secret ", "\tse\"cret": "\tse\"cret",
	} {
		t.Run(content, func(t *testing.T) {
			got, _, problems := load(t, "TEST_TOKEN_FILE="+file(t, content))
			if problems != nil || got.Token.Reveal() != want {
				t.Errorf("%q is read as %q, problems %v", content, got.Token.Reveal(), problems)
			}
		})
	}
	got, _, problems := load(t, "TEST_SERVER_FILE="+file(t, "p9\n"))
	if problems != nil || got.Server.text != "p9" {
		t.Errorf("%+v, problems %v", got.Server, problems)
	}
}

func TestFileProblems(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct {
		name  string
		pairs []string
		want  string
	}{
		{"both", []string{"TEST_TOKEN=hunter2", "TEST_TOKEN_FILE=" + file(t, "hunter3")},
			"set TEST_TOKEN or TEST_TOKEN_FILE, not both"},
		{"missing", []string{"TEST_TOKEN_FILE=" + missing}, "the file cannot be read: no such file or directory"},
		{"empty", []string{"TEST_TOKEN_FILE=" + file(t, "\n")}, "the file is empty"},
		{"a directory", []string{"TEST_TOKEN_FILE=" + t.TempDir()}, "the file cannot be read: is a directory"},
		{"too long", []string{"TEST_TOKEN_FILE=" + file(t, strings.Repeat("hunter", maxFile))},
			"the file cannot be read: it has more than 65536 bytes"},
		{"bad content", []string{"TEST_SERVER_FILE=" + file(t, "hunter4")}, "the file must hold a pin starting with p"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, problems := load(t, c.pairs...)
			if len(problems) != 1 || problems[0].Rule != c.want {
				t.Fatalf("problems %v, want %s", problems, c.want)
			}
			if strings.Contains(problems[0].String(), "hunter") {
				t.Errorf("shows the secret: %s", problems[0])
			}
		})
	}
}

func TestRequiredSecret(t *testing.T) {
	var c struct {
		Token Secret `required:"true" max:"nonsense"`
	}
	clean(t)
	if _, err := Load("TEST", &c); err == nil || err.Error() != "TEST_TOKEN: must be set" {
		t.Errorf("error %v", err)
	}
}

func TestSecretMasks(t *testing.T) {
	c := struct{ Token Secret }{"hunter2"}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{string(text), fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c),
		fmt.Sprintf("%q %s", c.Token, c.Token)} {
		if strings.Contains(shown, "hunter2") || !strings.Contains(shown, mask) {
			t.Errorf("shown as %s", shown)
		}
	}
	if Secret("").String() != "" || Secret("x").Reveal() != "x" {
		t.Error("an empty secret is shown as set, or one cannot be had")
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "1": 1, "1B": 1, "1023": 1023, "1KiB": 1 << 10, "64KiB": 64 << 10, "1MiB": 1 << 20, "3GiB": 3 << 30,
		"2TiB":                 2 << 40,
		"18446744073709551615": 1<<64 - 1, "16777215TiB": (1<<24 - 1) << 40,
	} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || uint64(b) != want {
			t.Errorf("%q is read as %d, %v", text, uint64(b), err)
		}
	}
	for _, text := range []string{"", "-1", "+1", "1.5GiB", "1 KiB", "KiB", "1kib", "1KB", "1G", "0x10", "1_000",
		"18446744073709551616", "16777216TiB", "1KiBB", " 1"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %d", text, uint64(b))
		}
	}
}

func FuzzBytes(f *testing.F) {
	for _, seed := range []string{"0", "1KiB", "1536KiB", "1025", "16777215TiB", "1BB", "01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b, again Bytes
		if b.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Fatalf("%q is %d, shown as %q, which is %d, %v", text, uint64(b), b, uint64(again), err)
		}
	})
}

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"Listen": "LISTEN", "DataDir": "DATA_DIR", "TLSCertFile": "TLS_CERT_FILE", "FTPTLS": "FTPTLS",
		"MaxBytesPerID": "MAX_BYTES_PER_ID", "ID": "ID",
	} {
		if got := words(name); got != want {
			t.Errorf("words(%q) = %q, want %q", name, got, want)
		}
	}
}
