package progress

import (
	"bytes"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
)

// Work is what a program is at.
type Work struct {
	// Unit is what Count counts: "messages", say. "": bytes.
	Unit string
	// Count is called a few times a second, by one goroutine. It must be quick.
	Count func() Count
}

// Count is how far a work is: Done of All, and Bytes moved where it is not bytes
// that are counted. Nothing is shown while All is 0. Done may fall, as for a
// message that is sent once more, and All may change.
type Count struct{ Done, All, Bytes uint64 }

const (
	barWidth = 40 // columns at most
	// lively is how long ago something may have moved for a forecast to be made:
	// as long as the rate looks back.
	lively = 5 * time.Second
)

// bar makes the text of the progress line. It is the painter's.
type bar struct {
	work    Work
	painted bytes.Buffer // by the library
	lib     *progressbar.ProgressBar
	before  Count
	moved   time.Time
	columns int // of the terminal, at the last look
	width   int // of the bar proper
	last    string
}

func newBar(w Work) *bar {
	b := &bar{work: w}
	b.start()
	return b
}

// text returns the line for a terminal of so many columns, "" for none.
func (b *bar) text(c Count, columns int) string {
	c.All = max(c.All, c.Done)
	switch {
	case c.All == 0:
		b.start()
		b.last = ""
		return ""
	case c.Done < b.before.Done, b.before.All > 0 && b.before.Done == b.before.All && c.Done < c.All:
		b.start() // the next call is the first that can tell a rate
		return cut(b.last, columns-1)
	}
	if c.Done != b.before.Done {
		b.moved = time.Now()
	}
	if columns != b.columns {
		b.columns, b.width = columns, barWidth
	}
	b.draw(c)
	b.before = c
	return cut(b.last, columns-1) // in the last column some terminals begin a new line
}

// start begins to count time and rate.
func (b *bar) start() {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(&b.painted),
		progressbar.OptionSetTheme(progressbar.Theme{
			Saucer: "=", SaucerHead: ">", SaucerPadding: " ", BarStart: "|", BarEnd: "|",
		}),
		progressbar.OptionShowCount(),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionUseIECUnits(true),
	}
	if b.work.Unit == "" {
		options = append(options, progressbar.OptionShowBytes(true))
	} else {
		options = append(options, progressbar.OptionShowIts(), progressbar.OptionSetItsString(b.work.Unit))
	}
	b.lib = progressbar.NewOptions64(1, options...)
	b.lib.StartWithoutRender()
	b.before, b.moved = Count{}, time.Time{}
}

// draw has the library paint, once more where that was too wide.
func (b *bar) draw(c Count) {
	bytes := ""
	if c.Bytes > 0 {
		bytes = humanize.IBytes(c.Bytes)
	}
	progressbar.OptionSetDescription(bytes)(b.lib)
	// The library's own forecast for a work that stands still is "0s".
	progressbar.OptionSetPredictTime(c.Done > 0 && time.Since(b.moved) < lively)(b.lib)
	progressbar.OptionSetWidth(b.width)(b.lib)
	b.painted.Reset()
	if c.All != b.before.All {
		b.lib.ChangeMax64(int64(c.All))
	}
	_ = b.lib.Set64(int64(c.Done)) // it can only say that there is more than all
	b.take()
	if over := len(b.last) - (b.columns - 1); over > 0 && b.width > 0 {
		b.width = max(0, b.width-over)
		progressbar.OptionSetWidth(b.width)(b.lib)
		_ = b.lib.RenderBlank() // it writes to memory
		b.take()
	}
}

// take takes what the library painted last: nothing once all is done, and then
// the line stays as it is.
func (b *bar) take() {
	text := b.painted.String()
	if i := strings.LastIndexByte(text, '\r'); i >= 0 && strings.TrimSpace(text[i:]) != "" {
		b.last = strings.TrimRight(text[i+1:], " ")
	}
}

// cut keeps so many columns of a text of ASCII.
func cut(s string, columns int) string { return s[:min(len(s), max(columns, 0))] }
