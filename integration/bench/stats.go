package main

import (
	"cmp"
	"slices"
	"time"
)

// number is what can be ordered and has a middle.
type number interface {
	~int | ~int64 | ~uint64 | ~float64
}

// median returns the middle one of values, the mean of the middle two where
// their number is even, and 0 for none.
func median[T number](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return sorted[middle-1] + (sorted[middle]-sorted[middle-1])/2
}

// percentile returns the smallest of values that at least p of them (0 < p <= 1)
// do not exceed: the nearest rank. 0 for none.
func percentile[T cmp.Ordered](values []T, p float64) T {
	if len(values) == 0 {
		var none T
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(p * float64(len(sorted)))
	if float64(rank) < p*float64(len(sorted)) {
		rank++
	}
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// perSecond returns how many of n a second there were.
func perSecond(n int, elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return float64(n) / elapsed.Seconds()
}

// ratios are those of one figure, one of each round.
type ratios []float64

func (r ratios) median() float64 { return median(r) }
func (r ratios) min() float64    { return slices.Min(r) }
func (r ratios) max() float64    { return slices.Max(r) }
