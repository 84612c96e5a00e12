package run

import (
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"

	"sealpost/services/driver/collector"
	"sealpost/shared/message"
	"sealpost/shared/voice"
)

// How a new log file is printed; the first three are values of the setting.
const (
	printFull = "full" // the whole file
	printLine = "line" // its manifest line, for people
	printNone = "none"
	printJSON = "json"
)

// mode is how files are printed in this run.
func (d *driver) mode() string {
	switch {
	case d.json:
		return printJSON
	case d.Print == printFull || d.Print == printLine || d.Print == printNone:
		return d.Print
	case voice.Width(d.out) > 0:
		return printFull
	}
	return printLine
}

// print prints a new log file.
func (d *driver) print(item collector.Item) error {
	switch d.mode() {
	case printFull:
		return printFile(d.out, voice.Width(d.out), item)
	case printJSON:
		return writeObject(d.out, objectOf(item))
	case printLine:
		e := item.Entry
		_, err := fmt.Fprintf(d.out, "%d %s %s %s bytes %s\n", e.Seq, message.Visible(e.Sender), message.Visible(e.Name),
			humanize.Comma(int64(e.Size)), e.ReceivedAt.UTC().Format(time.RFC3339))
		return err
	}
	return nil
}

// fileObject is a new log file in JSON. Its fields keep their names and meanings;
// there may come to be others.
type fileObject struct {
	Number     uint64         `json:"number"`
	ID         message.ID     `json:"id"`
	Sender     string         `json:"sender"`
	Name       string         `json:"name"`
	Cipher     message.Cipher `json:"cipher"`
	Size       uint64         `json:"size"`
	SHA256     string         `json:"sha256"` // of the message
	ReceivedAt time.Time      `json:"received_at"`
	File       string         `json:"file"` // log file on the server
}

func objectOf(item collector.Item) fileObject {
	e := item.Entry
	return fileObject{
		Number: e.Seq, ID: e.ID, Sender: e.Sender, Name: e.Name, Cipher: e.Cipher, Size: e.Size,
		SHA256: e.SHA256.String(), ReceivedAt: e.ReceivedAt.UTC(), File: e.File,
	}
}

// summaryObject is the last object, which its one field tells from those of files.
type summaryObject struct {
	Summary summaryFields `json:"summary"`
}

type summaryFields struct {
	Files    uint64   `json:"files"`
	Bytes    uint64   `json:"bytes"`
	New      uint64   `json:"new"`
	Away     uint64   `json:"away"` // settled earlier, and no longer in the output directory
	Retired  uint64   `json:"retired"`
	HandedOn *uint64  `json:"handed_on,omitempty"`
	Receipts *uint64  `json:"receipts,omitempty"`
	Failures []string `json:"failures"`
	Seconds  float64  `json:"seconds"`
}

func (d *driver) summaryOf(result collector.Result) summaryFields {
	s := summaryFields{
		Files: result.Files, Bytes: result.Bytes, New: result.New, Away: result.Away, Retired: result.Retired,
		Failures: []string{}, Seconds: time.Since(d.start).Seconds(),
	}
	for _, failure := range d.failures {
		s.Failures = append(s.Failures, failure.Error())
	}
	if d.handing != nil {
		handed := d.handing.Count()
		s.HandedOn = &handed
	}
	if d.receipts != nil {
		verified := uint64(d.receipts.Verified(d.audit))
		s.Receipts = &verified
	}
	return s
}

// writeObject writes one JSON object on one line.
func writeObject(w io.Writer, object any) error {
	text, err := message.JSON(object)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
