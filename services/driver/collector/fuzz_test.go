package collector

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// script is a connection to a server that says the same whatever it hears.
type script struct {
	net.Conn // nil: what is not replaced below is not used
	says     *bytes.Reader
	read     int // since something was last written
	most     int // the largest read
}

func newScript(says []byte) *script { return &script{says: bytes.NewReader(says)} }

func (s *script) Read(p []byte) (int, error) {
	n, err := s.says.Read(p)
	s.read += n
	s.most = max(s.most, s.read)
	return n, err
}

func (s *script) Write(p []byte) (int, error) {
	s.read = 0
	return len(p), nil
}

func (s *script) Close() error                     { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 21} }

// scripted is a session whose control connection says replies, and whose every
// data connection says data.
func scripted(replies, data []byte) (s *session, control *script, err error) {
	g := &guard{timeout: time.Hour}
	g.begin(time.Hour)
	control = newScript(replies)
	dialed := false
	dial := func(string, string) (net.Conn, error) {
		if !dialed {
			dialed = true
			return &controlConn{Conn: control, guard: g, left: maxReply}, nil
		}
		return &dataConn{Conn: newScript(data), guard: g}, nil
	}
	s = &session{guard: g, timeout: time.Hour, minRate: 1, detach: func() bool { return true }}
	return s, control, s.open("127.0.0.1:21", "u", "p", ftp.DialWithDialFunc(dial), ftp.DialWithDisabledMLSD(true))
}

// login is what a session hears before it asks for a file.
const login = "220 ready\r\n331 password\r\n230 welcome\r\n" +
	"211-features\r\n SIZE\r\n UTF8\r\n211 end\r\n200 binary\r\n200 utf8\r\n"

// FuzzReplies: whatever an FTP server says, the session comes to an end, reads
// no more of a reply than is allowed, takes no more of a file than it asked for,
// and calls a transfer whole only when every byte came.
func FuzzReplies(f *testing.F) {
	for _, more := range []string{
		"", "229 ok (|||4711|)\r\n150 here\r\n226 done\r\n", "500 no\r\n227 (127,0,0,1,18,103)\r\n150 here\r\n226 done\r\n",
		"229 ok (|||4711|)\r\n350 from there\r\n150 here\r\n426 cut\r\n", "550 no such file\r\n", "500 no\r\n227 )(\r\n",
		"229 ok (|||99999999|)\r\n150 here\r\n226-\r\n", "227 (,,,,,)\r\n",
	} {
		f.Add([]byte(login+"213 5\r\n"+more), []byte("12345"))
	}
	f.Add([]byte("220-"+strings.Repeat("x", maxReply)), []byte{})
	f.Fuzz(func(t *testing.T, replies, data []byte) {
		s, control, err := scripted(replies, data)
		if err == nil {
			var got bytes.Buffer
			size, sizeErr := s.size("manifest.jsonl")
			if sizeErr == nil && size > 0 {
				err = s.retrieve("manifest.jsonl", size/2, size-size/2, &got)
				checkTransfer(t, int64(got.Len()), size-size/2, err)
			}
			s.quit()
		}
		if control.most > maxReply {
			t.Errorf("%d bytes of a reply were read", control.most)
		}
	})
}

func checkTransfer(t *testing.T, got, want int64, err error) {
	t.Helper()
	if got > want || got < want && (err == nil || errors.Is(err, errMore)) {
		t.Errorf("%d of %d bytes came, and the error is %v", got, want, err)
	}
}

// FuzzManifest: a manifest as an FTP server may show it is read line by line up
// to its end or to a typed error; each line is the one of its number, in its one
// spelling; and the kept part is what is a prefix of it, half a line cut off.
func FuzzManifest(f *testing.F) {
	good := append(firstLine(f), '\n')
	f.Add(good, good)
	f.Add(good, []byte("{"))
	f.Add([]byte("notes"), []byte("{"))
	f.Add(append(bytes.Clone(good), good[:40]...), []byte{'\n'})
	f.Fuzz(func(t *testing.T, before, after []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, logfile.ManifestName), before, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := OpenOutput(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		k, err := openKept(out)
		if err != nil {
			refusedAsItIs(t, filepath.Join(dir, logfile.ManifestName), before, err)
			return
		}
		defer k.close()
		whole := before[:bytes.LastIndexByte(before, '\n')+1]
		if k.size != int64(len(whole)) || k.lines != uint64(bytes.Count(whole, []byte("\n"))) {
			t.Fatalf("%d lines of %d bytes are kept of %q", k.lines, k.size, before)
		}
		file, err := out.Unnamed()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.Write(after); err != nil {
			t.Fatal(err)
		}
		readManifest(t, append(whole, after...), newManifestReader(k, &fresh{file: file, size: int64(len(after))}))
	})
}

// refusedAsItIs: a file that is not ours is refused, and nothing is cut off it.
func refusedAsItIs(t *testing.T, path string, text []byte, err error) {
	t.Helper()
	have, readErr := os.ReadFile(path)
	if !errors.Is(err, errNotOurs) || !bytes.Equal(have, text) {
		t.Fatalf("%q became %q, %v: %v", text, have, readErr, err)
	}
	if len(text) == 0 || bytes.HasPrefix(text, []byte(manifestStart)) {
		t.Fatalf("%q is refused", text)
	}
}

func firstLine(tb testing.TB) []byte {
	tb.Helper()
	line, err := logfile.Entry{
		V: 1, File: logfile.FileName(0), Sender: "store-17", Name: "harbour.txt", Cipher: message.None,
		ReceivedAt: time.Unix(1e9, 0),
	}.Line()
	if err != nil {
		tb.Fatal(err)
	}
	return line
}

// readManifest reads to the end and compares what was read with the text.
func readManifest(t *testing.T, text []byte, m *manifestReader) {
	t.Helper()
	var again []byte
	for {
		e, line, err := m.next()
		if err == io.EOF {
			if rest := text[len(again):]; bytes.IndexByte(rest, '\n') >= 0 {
				t.Fatalf("the end comes before %q", rest)
			}
			return
		}
		if err != nil {
			if !errors.As(err, new(*ManifestError)) {
				t.Fatalf("an error without a type: %v", err)
			}
			return
		}
		spelled, err := e.Line()
		again = append(append(again, spelled...), '\n')
		if err != nil || e.Seq != m.lines-1 || !bytes.Equal(spelled, line) || !bytes.HasPrefix(text, again) {
			t.Fatalf("line %d of %q is read as %q, %v", m.lines-1, text, line, err)
		}
	}
}

// FuzzComparer: however the server's bytes are cut, those that go on from the
// kept ones are passed on, and others are refused at the first that differs.
func FuzzComparer(f *testing.F) {
	f.Add([]byte("line 0\nline 1\n"), []byte("line 0\nline 1\nline 2\n"), uint8(3))
	f.Add([]byte("line 0\n"), []byte("line 1\n"), uint8(1))
	f.Add([]byte("line 0\nline 1\n"), []byte("line 0\n"), uint8(200))
	f.Fuzz(func(t *testing.T, kept, got []byte, piece uint8) {
		var rest bytes.Buffer
		c := &comparer{want: io.NewSectionReader(bytes.NewReader(kept), 0, int64(len(kept))), rest: &rest}
		var err error
		for p := got; len(p) > 0 && err == nil; {
			n := min(len(p), int(piece)+1)
			_, err = c.Write(p[:n])
			p = p[n:]
		}
		same := commonPrefix(got[:min(len(got), len(kept))], kept)
		changed := same < min(len(got), len(kept))
		if c.matched != int64(same) || errors.Is(err, ErrChanged) != changed || err != nil && !changed {
			t.Fatalf("%d bytes match, %v; %d do", c.matched, err, same)
		}
		if !changed && !bytes.Equal(rest.Bytes(), got[same:]) {
			t.Fatalf("%q is passed on of %q", rest.Bytes(), got)
		}
	})
}
