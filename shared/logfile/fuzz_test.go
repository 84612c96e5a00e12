package logfile_test

import (
	"bytes"
	"errors"
	"testing"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/receipt/receipttest"
	"sealpost/shared/logfile"
	"sealpost/shared/vectortest"
)

// FuzzFileName: a number has one name, a name is not a path, and everything else
// is not a log file's name.
func FuzzFileName(f *testing.F) {
	for _, seed := range []string{
		"", "server_message0.txt", "server_message18446744073709551615.txt", "server_message18446744073709551616.txt",
		"server_message007.txt", "server_message+1.txt", "server_message1.txt/", "../server_message1.txt",
		"server_message1.txt\r\nDELE x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		seq, ok := logfile.ParseFileName(name)
		if ok != (logfile.FileName(seq) == name) {
			t.Fatalf("%q is read as number %d, %t", name, seq, ok)
		}
	})
}

// FuzzOfReceipt: a genuine receipt may hold any line that can stand in one. Only
// a manifest line in its own place becomes an entry, in its one spelling.
func FuzzOfReceipt(f *testing.F) {
	id, err := identity.Generate()
	if err != nil {
		f.Fatal(err)
	}
	pins := identity.Pins{{Key: id.Public()}}
	for _, v := range vectortest.Read(f, "testdata/lines") {
		f.Add(v.Body, uint8(0))
		f.Add(v.Body, uint8(1))
	}
	f.Fuzz(func(t *testing.T, line []byte, before uint8) {
		lines := make([][]byte, int(before)%8+1)
		for i := range lines {
			lines[i] = []byte("another line")
		}
		index := uint64(len(lines) - 1)
		lines[index] = line
		text, err := receipttest.Lines(id, "0123456789abcdef0123456789abcdef", lines, index)
		if err != nil {
			if !errors.Is(err, receipt.ErrLine) {
				t.Fatal(err)
			}
			return
		}
		opened, err := receipt.Open(text, pins)
		if err != nil || !bytes.Equal(opened.Line, line) || opened.Index != index {
			t.Fatalf("%q comes back as %q at %d, %v", line, opened.Line, opened.Index, err)
		}
		checkEntry(t, opened)
	})
}

func checkEntry(t *testing.T, opened receipt.Opened) {
	t.Helper()
	e, err := logfile.OfReceipt(opened)
	if err != nil {
		if !errors.As(err, new(*logfile.LineError)) || e != (logfile.Entry{}) {
			t.Fatalf("%q: %+v, %v", opened.Line, e, err)
		}
		return
	}
	if again, err := e.Line(); err != nil || !bytes.Equal(again, opened.Line) || e.Seq != opened.Index {
		t.Fatalf("%q at %d is read as %q, %v", opened.Line, opened.Index, again, err)
	}
}
