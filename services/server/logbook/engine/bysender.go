package engine

// BySender says how much of something each sender has. One who has none of it is
// not there, so that it does not grow with those who come and go.
type BySender[N int | int64 | uint64] map[string]N

// Add gives a sender n more, or with -n less.
func (b BySender[N]) Add(sender string, n N) {
	if b[sender] += n; b[sender] == 0 {
		delete(b, sender)
	}
}
