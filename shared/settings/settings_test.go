package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

type limits struct {
	MaxBytes Bytes         `default:"64KiB" min:"1B" max:"1GiB"`
	Workers  int           `default:"4" min:"1" max:"8"`
	Wait     time.Duration `default:"90s" min:"1ms"`
}

// pin is a type that reads itself.
type pin struct{ text string }

var errPin = errors.New("a pin starting with p")

func (p *pin) UnmarshalText(text []byte) error {
	if !strings.HasPrefix(string(text), "p") {
		return errPin
	}
	p.text = string(text)
	return nil
}

func (p pin) String() string { return p.text }

type config struct {
	Listen   Address `default:":7513"`
	Listen2  Address `envconfig:"2012_LISTEN"`
	DataDir  string  `default:"/data" required:"true"`
	CertFile string  `envconfig:"TLS_CERT_FILE"`
	Format   string  `default:"auto" oneof:"auto,json"`
	Watch    bool
	Token    Secret
	Server   pin `default:"p0" file:"true"`
	limits
	hidden string //lint:ignore U1000 Load must pass over it
	Not    string `ignored:"true"`
}

// clean takes the variables with the prefix out of the environment.
func clean(t *testing.T, pairs ...string) {
	t.Helper()
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "TEST_") {
			t.Setenv(name, value) // to have it put back
			os.Unsetenv(name)
		}
	}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
}

func load(t *testing.T, pairs ...string) (config, []string, []Problem) {
	t.Helper()
	clean(t, pairs...)
	var c config
	warnings, err := Load("TEST", &c)
	if err == nil {
		return c, warnings, nil
	}
	var bad *Error
	if !errors.As(err, &bad) || len(bad.Problems) == 0 {
		t.Fatalf("error %v of type %T", err, err)
	}
	return c, warnings, bad.Problems
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	got, warnings, problems := load(t)
	want := config{
		Listen: ":7513", DataDir: "/data", Format: "auto", Server: pin{"p0"},
		limits: limits{MaxBytes: 64 << 10, Workers: 4, Wait: 90 * time.Second},
	}
	if got != want || warnings != nil || problems != nil {
		t.Errorf("%+v, warnings %q, problems %v", got, warnings, problems)
	}
}

func TestEverySetting(t *testing.T) {
	got, warnings, problems := load(t, "TEST_LISTEN=127.0.0.1:0", "TEST_2012_LISTEN=[::1]:2012", "TEST_DATA_DIR=/d",
		"TEST_TLS_CERT_FILE=/c", "TEST_FORMAT=json", "TEST_WATCH=true", "TEST_TOKEN=t", "TEST_SERVER=p1",
		"TEST_MAX_BYTES=1GiB", "TEST_WORKERS=8", "TEST_WAIT=1ms")
	want := config{
		Listen: "127.0.0.1:0", Listen2: "[::1]:2012", DataDir: "/d", CertFile: "/c", Format: "json", Watch: true,
		Token: "t", Server: pin{"p1"}, limits: limits{MaxBytes: 1 << 30, Workers: 8, Wait: time.Millisecond},
	}
	if got != want || warnings != nil || problems != nil {
		t.Errorf("%+v, warnings %q, problems %v", got, warnings, problems)
	}
}

func TestEmptyValues(t *testing.T) {
	got, _, problems := load(t, "TEST_LISTEN=", "TEST_TOKEN=", "TEST_TOKEN_FILE=")
	if problems != nil || got.Listen != "" || got.Token != "" {
		t.Errorf("%+v, problems %v", got, problems)
	}
}

// A tag gives no second, shorter name to a setting.
func TestOnlyNamesWithThePrefixAreRead(t *testing.T) {
	got, _, problems := load(t, "2012_LISTEN=:1", "TLS_CERT_FILE=/x", "LISTEN=:2", "VALUE=3", "MIN=4")
	if problems != nil || got.Listen2 != "" || got.CertFile != "" || got.Listen != ":7513" {
		t.Errorf("%+v, problems %v", got, problems)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, warnings, problems := load(t, "TEST_LISTEN=nowhere", "TEST_DATA_DIR=", "TEST_FORMAT=xml", "TEST_WATCH=perhaps",
		"TEST_SERVER=q", "TEST_MAX_BYTES=2GiB", "TEST_WORKERS=0", "TEST_WAIT=soon", "TEST_LISTEM=x")
	want := []string{
		`TEST_LISTEN="nowhere": must be an address such as localhost:7513, [::1]:7513 or :7513: it has no port`,
		`TEST_DATA_DIR: must be set`,
		`TEST_FORMAT="xml": must be one of: auto, json`,
		`TEST_WATCH="perhaps": must be true or false`,
		`TEST_SERVER="q": must be a pin starting with p`,
		`TEST_MAX_BYTES="2GiB": must be at most 1GiB`,
		`TEST_WORKERS="0": must be at least 1`,
		`TEST_WAIT="soon": must be a duration such as 500ms, 90s or 5m`,
	}
	if got := (&Error{Problems: problems}).Error(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if !slices.Equal(warnings, []string{`"TEST_LISTEM" is not a setting and is ignored; is TEST_LISTEN meant?`}) {
		t.Errorf("warnings %q", warnings)
	}
}

func TestOneProblem(t *testing.T) {
	whole := fmt.Sprintf("must be a whole number of at most %d bits", strconv.IntSize)
	for _, c := range []struct{ pair, want string }{
		{"TEST_WORKERS=", "TEST_WORKERS: " + whole},
		{"TEST_WORKERS=9", `TEST_WORKERS="9": must be at most 8`},
		{"TEST_WORKERS=99999999999999999999", `TEST_WORKERS="99999999999999999999": ` + whole},
		{"TEST_WAIT=0", `TEST_WAIT="0": must be at least 1ms`},
		{"TEST_MAX_BYTES=0", `TEST_MAX_BYTES="0": must be at least 1B`},
		{"TEST_LISTEN=host:http", `TEST_LISTEN="host:http": must be an address such as localhost:7513, ` +
			`[::1]:7513 or :7513: its port must be a number up to 65535`},
		{"TEST_FORMAT=json\r", `TEST_FORMAT="json\r": ends with a carriage return, as of a Windows line end`},
	} {
		t.Run(c.pair, func(t *testing.T) {
			_, _, problems := load(t, c.pair)
			if len(problems) != 1 || problems[0].String() != c.want {
				t.Errorf("%v, want %s", problems, c.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	_, warnings, problems := load(t, "TEST_SECRET=hunter2", "TEST_PORT=tcp://10.0.0.1:80",
		"TEST_PORT_80_TCP_ADDR=10.0.0.1",
		"TEST_SERVICE_HOST=10.0.0.1", "TEST_SERVICE_PORT_HTTP=80", "TEST_TOKEN_FILE="+file(t, "x"), "TESTING=1",
		"TEST_DATADIR=/d", "TEST_TOKEN_FILES=/t")
	want := []string{`"TEST_DATADIR" is not a setting and is ignored; is TEST_DATA_DIR meant?`,
		`"TEST_SECRET" is not a setting and is ignored`,
		`"TEST_TOKEN_FILES" is not a setting and is ignored; is TEST_TOKEN_FILE meant?`}
	if problems != nil || !slices.Equal(warnings, want) {
		t.Errorf("warnings %q, problems %v", warnings, problems)
	}
}

type pair struct {
	A, B string
}

func (p *pair) Check() []Problem {
	if (p.A == "") != (p.B == "") {
		return []Problem{{Name: "TEST_A", Rule: "goes with TEST_B"}}
	}
	return nil
}

func TestCheck(t *testing.T) {
	clean(t, "TEST_A=x")
	_, err := Load("TEST", new(pair))
	if err == nil || err.Error() != "TEST_A: goes with TEST_B" {
		t.Errorf("error %v", err)
	}
	t.Setenv("TEST_B", "y")
	if _, err := Load("TEST", new(pair)); err != nil {
		t.Error(err)
	}
}

func TestEffective(t *testing.T) {
	c, _, _ := load(t, "TEST_TOKEN=hunter2", "TEST_WAIT=2m", "TEST_MAX_BYTES=1536KiB")
	settings := Effective("TEST", &c)
	want := "[{TEST_LISTEN :7513} {TEST_2012_LISTEN } {TEST_DATA_DIR /data} {TEST_TLS_CERT_FILE } {TEST_FORMAT auto} " +
		"{TEST_WATCH false} {TEST_TOKEN set} {TEST_SERVER p0} {TEST_MAX_BYTES 1536KiB} {TEST_WORKERS 4} {TEST_WAIT 2m0s}]"
	if got := fmt.Sprint(settings); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	c.Token = ""
	for _, setting := range Effective("TEST", &c) {
		if setting.Name == "TEST_TOKEN" && setting.Value != "" {
			t.Errorf("no token is shown as %q", setting.Value)
		}
	}
}
