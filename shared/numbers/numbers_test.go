package numbers

import (
	"math/rand/v2"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "3-5": "3-5", "3-5,7": "3-5,7", "7,3-5,6": "3-7", "5-9,1-20": "1-20", "4-4": "4", "1,2,3": "1-3",
	} {
		if n, err := Parse(text); err != nil || n.String() != want {
			t.Errorf("%q is %v, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "-", "x", "5-3", "1,", "-1", "1-", " 1", "+1", "1-2-3", "9223372036854775808"} {
		if n, err := Parse(text); err == nil {
			t.Errorf("%q is %v", text, n)
		}
	}
}

// TestNumbersAreASet compares with a set that is one number by number.
func TestNumbersAreASet(t *testing.T) {
	const most = 40
	random := rand.New(rand.NewPCG(1, 2))
	var n Set
	var plain [most + 1]bool
	for step := range 5000 {
		first := random.Uint64N(most)
		r := Range{first, min(first+random.Uint64N(6), most-1)}
		in := random.IntN(2) == 0
		if in {
			n.Add(r)
		} else {
			n.Remove(r)
		}
		for i := r.First; i <= r.Last; i++ {
			plain[i] = in
		}
		count := uint64(0)
		for i, want := range plain {
			if n.Has(uint64(i)) != want {
				t.Fatalf("step %d: %d in %v: %v", step, i, n.ranges, !want)
			}
			if want {
				count++
			}
		}
		for i, r := range n.ranges {
			if r.First > r.Last || i > 0 && n.ranges[i-1].Last+1 >= r.First {
				t.Fatalf("step %d: %v", step, n.ranges)
			}
		}
		if n.Count() != count {
			t.Fatalf("step %d: %d in %v", step, n.Count(), n.ranges)
		}
	}
}

func TestCommonNumbers(t *testing.T) {
	for _, c := range [][3]string{
		{"0-9", "3-5,20", "3-5"}, {"3-5,20", "0-9", "3-5"}, {"0-2,5-8", "2-5,7", "2,5,7"}, {"1", "2", ""},
	} {
		a, _ := Parse(c[0])
		b, _ := Parse(c[1])
		if got := a.Common(b); got.String() != c[2] {
			t.Errorf("%s and %s: %v", c[0], c[1], got)
		}
	}
}
