package settings

import (
	"bytes"
	"testing"

	"github.com/rs/zerolog"
)

func TestAnnounce(t *testing.T) {
	c := struct {
		Name   string `default:"x"`
		Secret Secret
	}{"a", "hunter2"}
	for _, test := range []struct {
		level zerolog.Level
		want  string
	}{
		{zerolog.InfoLevel, `{"level":"warn","message":"odd"}
{"level":"info","TEST_NAME":"b","TEST_SECRET":"set","message":"settings"}
`},
		{zerolog.DebugLevel, `{"level":"warn","message":"odd"}
`},
	} {
		var log bytes.Buffer
		Announce(zerolog.New(&log).Level(zerolog.InfoLevel), test.level, "TEST", &c, []string{"odd"},
			map[string]string{"TEST_NAME": "b"})
		if log.String() != test.want {
			t.Errorf("got\n%swanted\n%s", log.String(), test.want)
		}
	}
}
