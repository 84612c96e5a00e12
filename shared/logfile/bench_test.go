package logfile_test

import (
	"testing"
	"time"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// usual is the entry of an enciphered message as the server writes it.
func usual() logfile.Entry {
	return logfile.Entry{
		V: 1, Seq: 999_999, File: logfile.FileName(999_999), ID: message.ID{0x3f, 15: 0x44},
		Sender: "store-17", Name: "2012-07-22/report.txt", Cipher: message.Cipher2012,
		ReceivedAt: time.Date(2026, 2, 3, 4, 5, 6, 123456789, time.UTC), Size: 2048, EncryptedSize: 2752,
		SHA256: logfile.Digest{0x1f, 31: 0x22}, FileSize: 5000, FileSHA256: logfile.Digest{0xcc, 31: 0xa0},
	}
}

func BenchmarkLine(b *testing.B) {
	e := usual()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Line(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseLine(b *testing.B) {
	line, err := usual().Line()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := logfile.ParseLine(line); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewLayout(b *testing.B) {
	e := usual()
	h := logfile.Head{
		ReceivedAt: e.ReceivedAt, Size: e.Size, EncryptedSize: e.EncryptedSize,
		Cipher: e.Cipher, Sender: e.Sender, Name: e.Name, ID: e.ID,
	}
	b.ReportAllocs()
	for b.Loop() {
		if logfile.NewLayout(h, 1<<20).FileSize() == 0 {
			b.Fatal("an empty file")
		}
	}
}
