package daemon

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/state"
	"sealpost/shared/logging/trail"
)

// An identity that signs no more was retired before its date, or its date has come.
func TestTrailOfAnOverlapsEnd(t *testing.T) {
	st, err := state.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	until := time.Now().Add(time.Hour)
	for by, now := range map[string]time.Time{trail.ByStateVolume: until.Add(-time.Nanosecond), trail.ByDate: until} {
		var log bytes.Buffer
		n := newNotices(st, zerolog.New(&log))
		former := state.Former{Pin: st.Pins()[0], Until: until, Signs: true}
		n.identities.signing["a key that signs no more"] = former
		n.lookAtIdentities(now)
		want := `"audit":"former identity retired","by":"` + by + `","identity":"` + former.Pin.String() + `"`
		if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), want) {
			t.Errorf("the log says %s, want %s", log.String(), want)
		}
		log.Reset()
		if n.lookAtIdentities(now); log.Len() > 0 {
			t.Errorf("twice: %s", log.String())
		}
	}
}
