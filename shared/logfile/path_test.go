package logfile_test

import (
	"fmt"
	"strings"
	"testing"

	"sealpost/shared/logfile"
)

func TestFileName(t *testing.T) {
	for _, seq := range []uint64{0, 1, 9, 10, 1<<64 - 1} {
		if got, ok := logfile.ParseFileName(logfile.FileName(seq)); !ok || got != seq {
			t.Errorf("%s: %d, %t", logfile.FileName(seq), got, ok)
		}
	}
	if got := logfile.FileName(12); got != "server_message12.txt" {
		t.Error(got)
	}
	for _, s := range []string{
		"", "server_message.txt", "server_message01.txt", "server_message+1.txt", "server_message-1.txt",
		"server_message1.txt ", "server_message1.TXT", "Server_message1.txt", "./server_message1.txt",
		"server_message1_0.txt", "server_message18446744073709551616.txt", "server_message１.txt",
		"server_message0x1.txt", "server_message1.txt.txt", logfile.ManifestName,
	} {
		if seq, ok := logfile.ParseFileName(s); ok {
			t.Errorf("%q is taken for number %d", s, seq)
		}
	}
}

func TestShardedPath(t *testing.T) {
	for seq, want := range map[uint64]string{
		0: "000000", 9_999: "000000", 10_000: "000001", 99_999: "000009", 100_000: "000010", 12_345_678: "001234",
		9_999_999_999: "999999", 10_000_000_000: "1000000", 1<<64 - 1: "1844674407370955",
	} {
		file := logfile.ShardedPath(seq)
		if file != want+"/"+logfile.FileName(seq) || logfile.Shard(file) != want || !logfile.IsShard(want) {
			t.Errorf("number %d: %s", seq, file)
		}
	}
	if shard := logfile.Shard(logfile.FileName(7)); shard != "" {
		t.Errorf("a flat file lies in %s", shard)
	}
	for _, s := range []string{"", "0", "00000", "0000000", "0000001", "00000a", "-00001", "+00001", " 00001", "..",
		"1844674407370956", "18446744073709551616", "00_001", "staging"} {
		if logfile.IsShard(s) {
			t.Errorf("%q is taken for a shard directory", s)
		}
	}
}

func TestParsePath(t *testing.T) {
	for _, seq := range []uint64{0, 9_999, 10_000, 1<<64 - 1} {
		for _, file := range []string{logfile.FileName(seq), logfile.ShardedPath(seq)} {
			if got, ok := logfile.ParsePath(file); !ok || got != seq {
				t.Errorf("%s: %d, %t", file, got, ok)
			}
		}
	}
	for _, s := range []string{
		"", "/", "000000", "000000/", "/server_message1.txt", "00000/server_message1.txt",
		"0000000/server_message1.txt", "000001/server_message1.txt", "000000/server_message10000.txt",
		"000000//server_message1.txt", "000000/./server_message1.txt", "000000/../000000/server_message1.txt",
		"../000000/server_message1.txt", "000000/server_message1.txt/", `000000\server_message1.txt`,
		"000000/000000/server_message1.txt", "000000/server_message01.txt", "00000a/server_message1.txt",
	} {
		if seq, ok := logfile.ParsePath(s); ok {
			t.Errorf("%q is taken for number %d", s, seq)
		}
	}
}

// FuzzPath: a path that is taken is one of the two of its number, leads nowhere
// else, and its line is taken as well.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"server_message7.txt", "000000/server_message7.txt", "000001/server_message10000.txt",
		"../server_message7.txt", `000000\server_message7.txt`, "00000/server_message7.txt"} {
		f.Add(s, uint64(7))
	}
	f.Fuzz(func(t *testing.T, s string, seq uint64) {
		n, ok := logfile.ParsePath(s)
		want := s == fmt.Sprintf("server_message%d.txt", n) || s == fmt.Sprintf("%06d/server_message%d.txt", n/10_000, n)
		if ok != (want && !strings.Contains(s, "..")) {
			t.Fatalf("%q is taken for number %d: %t", s, n, ok)
		}
		e := entry()
		e.Seq, e.File = seq, s
		if _, err := e.Line(); (err == nil) != (ok && n == seq) {
			t.Fatalf("%q in the line of number %d: %v", s, seq, err)
		}
	})
}
