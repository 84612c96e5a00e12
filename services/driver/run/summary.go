package run

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"sealpost/services/driver/collector"
)

// summary tells how the run ended: below the files where they are printed in full,
// as an object with -json, and else on standard error, so that standard output has
// nothing but lines of files.
func (d *driver) summary(result collector.Result) error {
	switch d.mode() {
	case printJSON:
		return writeObject(d.out, summaryObject{d.summaryOf(result)})
	case printFull:
		_, err := fmt.Fprintf(d.out, "%s\n%s", rule, d.summaryLine(result))
		return err
	}
	_, err := io.WriteString(d.screen, d.summaryLine(result))
	return err
}

func (d *driver) summaryLine(result collector.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s bytes, %d new",
		plural(result.Files, "file"), humanize.Comma(int64(result.Bytes)), result.New)
	if result.Retired > 0 {
		fmt.Fprintf(&b, ", %d retired", result.Retired)
	}
	if result.Away > 0 {
		fmt.Fprintf(&b, ", %d settled earlier and no longer here", result.Away)
	}
	if d.handing != nil {
		fmt.Fprintf(&b, ", %d handed on", d.handing.Count())
	}
	if d.receipts != nil {
		fmt.Fprintf(&b, "; %s verified", plural(uint64(d.receipts.Verified(d.audit)), "receipt"))
		if others := d.receipts.Others(); others > 0 {
			fmt.Fprintf(&b, ", %d of another logbook", others)
		}
	}
	if text := d.checkpoints.summary(); text != "" {
		fmt.Fprintf(&b, "; %s", text)
	}
	if len(d.failures) > 0 {
		fmt.Fprintf(&b, "; %s", plural(uint64(len(d.failures)), "failure"))
	}
	fmt.Fprintf(&b, "; %.1f seconds\n", time.Since(d.start).Seconds())
	return b.String()
}

// plural puts a number before a word.
func plural(n uint64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
