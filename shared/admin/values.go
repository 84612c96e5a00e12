package admin

import "time"

// OneIf is how a metric says yes or no.
func OneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// Seconds is a time as metrics have it, Unix time: 0 for the zero time.
func Seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
