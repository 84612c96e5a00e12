package run

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

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
