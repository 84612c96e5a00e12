package progresstest

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// seen returns the lines that text leaves on a terminal of so many columns,
// without the blanks and the empty lines at their ends. Of escape sequences
// (ECMA-48, CSI) it knows the clearing of a line, and passes over the rest.
func seen(text []byte, columns int) []string {
	rows, row, column := [][]rune{nil}, 0, 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch {
		case r == '\r':
			column = 0
		case r == '\n':
			if row++; row == len(rows) {
				rows = append(rows, nil)
			}
		case r == '\x1b' && len(text) > 0 && text[0] == '[':
			end := 1 + bytes.IndexFunc(text[1:], func(r rune) bool { return r >= 0x40 && r <= 0x7e })
			if end == 0 { // the rest has not come yet
				return lines(rows)
			}
			if string(text[:end+1]) == "[K" {
				rows[row] = rows[row][:min(len(rows[row]), column)]
			}
			text = text[end+1:]
		default:
			if column == columns {
				row, column = row+1, 0
				rows = append(rows, nil)
			}
			for len(rows[row]) <= column {
				rows[row] = append(rows[row], ' ')
			}
			rows[row][column] = r
			column++
		}
	}
	return lines(rows)
}

func lines(rows [][]rune) []string {
	var all []string
	for _, row := range rows {
		all = append(all, strings.TrimRight(string(row), " "))
	}
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}
