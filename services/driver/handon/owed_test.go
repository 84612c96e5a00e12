package handon_test

import (
	"strings"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/handon"
	"sealpost/shared/numbers"
)

// TestTakenAway: who took a file away has dealt with it; the log says so once.
func TestTakenAway(t *testing.T) {
	p := newPlace(t, 6)
	p.collect(nil)
	p.takeAway(0, 1, 2, 4)
	p.green(p.run())
	p.got(3, 5)
	if n := strings.Count(p.log.String(), "passed over"); n != 2 || !strings.Contains(p.log.String(), `"messages":3`) {
		t.Errorf("%d lines:\n%s", n, p.log.String())
	}
	p.holds("handed", "6\n")
}

// TestComesLate: a file that was missing holds nothing up, is handed on when it comes,
// and stays owed until then.
func TestComesLate(t *testing.T) {
	p := newPlace(t, 4)
	file := p.v.Entries[1].File
	text := p.v.Read(file)
	p.v.Remove(file)
	p.green(p.run())
	p.got(0, 2, 3)
	p.holds("owed", "1\n")
	p.green(p.run())
	p.got()
	p.v.Write(file, text)
	p.to.take = refuse(1)
	only[*handon.OwedError](p, p.run())
	p.got(1)
	p.holds("owed", "1\n")
	p.to.take = nil
	p.green(p.run())
	p.got(1)
	p.holds("owed", "")
	p.green(p.run())
	p.got()
}

// TestAgain: what is fetched once more is handed on once more.
func TestAgain(t *testing.T) {
	p := newPlace(t, 3)
	p.green(p.run())
	p.takeAway(1)
	var again numbers.Set
	again.Add(numbers.Range{First: 1, Last: 2})
	if err := collector.Again(p.cfg.Dir, again); err != nil {
		t.Fatal(err)
	}
	p.green(p.run())
	p.got(1, 2)
	p.holds("owed", "")
}
