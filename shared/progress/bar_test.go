package progress

import (
	"strings"
	"testing"
)

// A work that stands still has no time left that anybody knows.
func TestNoForecastForWhatStandsStill(t *testing.T) {
	b := newBar(Work{Unit: "messages"})
	at := Count{Done: 10, All: 100}
	if line := b.text(at, 80); !strings.Contains(line, "[") {
		t.Errorf("no forecast in %q", line)
	}
	b.moved = b.moved.Add(-lively)
	if line := b.text(at, 80); strings.Contains(line, "[") || !strings.Contains(line, "(10/100") {
		t.Errorf("a forecast, or no count, in %q", line)
	}
	if line := newBar(Work{}).text(Count{All: 100}, 80); strings.Contains(line, "[") {
		t.Errorf("a forecast in %q before anything has moved", line)
	}
}

// The line has no end, and nothing that moves the cursor, whatever the counts.
func TestLineIsPlain(t *testing.T) {
	for _, columns := range []int{1, 2, 10, 30, 80, 300} {
		for _, unit := range []string{"", "messages"} {
			b := newBar(Work{Unit: unit})
			for _, c := range []Count{
				{}, {All: 1}, {Done: 1, All: 1}, {Done: 5},
				{1, 1 << 62, 1 << 62}, {1 << 30, 1 << 62, 1}, {1 << 30, 1 << 30, 1}, {0, 7, 7},
			} {
				line := b.text(c, columns)
				if len(line) > columns-1 {
					t.Errorf("%d columns: %q", columns, line)
				}
				if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
					t.Errorf("%+v: %q", c, line)
				}
			}
		}
	}
}
