package run

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"sealpost/services/driver/collector"
	"sealpost/shared/message"
)

// rule is the line above and below a file name.
var rule = strings.Repeat("-", 72)

// printFile prints a log file under its name, for a screen of so many columns, 0
// where that is not known: the file that was checked, whatever has the name by now.
func printFile(w io.Writer, width int, item collector.Item) (err error) {
	f, err := item.Open()
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s\nFile name: %s\n%s\n", rule, item.Entry.File, rule)
	text := newMargin(out, width)
	visible := message.NewVisibleWriter(text)
	_, err = io.Copy(visible, f)
	return errors.Join(err, visible.Close(), text.Close(), out.Flush())
}

// summary prints the last lines of a run.
func (d *driver) summary(result collector.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s, %s bytes, %d new", rule,
		plural(result.Files, "file"), humanize.Comma(int64(result.Bytes)), result.New)
	if result.Retired > 0 {
		fmt.Fprintf(&b, ", %d retired", result.Retired)
	}
	if result.Away > 0 {
		fmt.Fprintf(&b, ", %d settled earlier and no longer here", result.Away)
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
	_, err := io.WriteString(d.out, b.String())
	return err
}

// plural puts a number before a word.
func plural(n uint64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
