package intake_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sealpost/services/server/intake"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/vectortest"
)

const vectorDir = "../../../shared/framing/testdata/"

// oneSender knows the one token of a vector, beside those that the server has.
type oneSender struct {
	intake.Senders
	token token.Token
}

func (o oneSender) Authenticate(text string) (sender string, ok bool) {
	if text == o.token.Reveal() {
		return o.token.Sender(), true
	}
	return o.Senders.Authenticate(text)
}

func (o oneSender) StillValid(hash [32]byte) bool {
	return hash == sha256.Sum256([]byte(o.token.Reveal())) || o.Senders.StillValid(hash)
}

// startFor starts a server with the limits, and where there is one the token, of
// a vector.
func startFor(t *testing.T, v vectortest.Vector) *server {
	t.Helper()
	most, err := strconv.ParseUint(v.Header["max_message"], 10, 64)
	check(t, err)
	o := options{limits: intake.Limits{Message: most}, alone: true}
	if text := v.Header["token"]; text != "" {
		tok, err := token.Parse(text)
		check(t, err)
		o.senders = func(s intake.Senders) intake.Senders { return oneSender{s, tok} }
	}
	return start(t, o)
}

// TestClientVectors plays what clients send to a real server and compares its
// answers.
func TestClientVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectortest.Read(t, vectorDir+"clients") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			s := startFor(t, v)
			p := s.dial(t)
			heard := heard{kept: make(map[string][32]byte)}
			rest := v.Body
			if pause, err := strconv.Atoi(v.Header["pause"]); err == nil {
				p.write(rest[:pause])
				p.hear(&heard, func() bool { return len(heard.kept) > 0 })
				rest = rest[pause:]
			}
			// The answers judge: a server that refuses may stop reading before the end.
			if _, err := p.conn.Write(rest); err == nil {
				_ = p.conn.CloseWrite()
			}
			p.hear(&heard, func() bool { return false })
			if got := heard.String(); got != v.Header["expect"] {
				t.Errorf("the server answered %q, want %q", got, v.Header["expect"])
			}
			s.wantFiles(t, len(heard.kept))
			for file, digest := range heard.kept {
				if got := sha256.Sum256(s.content(t, file)); got != digest {
					t.Errorf("%s holds other bytes", file)
				}
			}
		})
	}
}

// heard is what a server answered. kept are the log files that receipts name,
// with the SHA-256 of their messages.
type heard struct {
	answers []string
	kept    map[string][32]byte
}

// String returns the answers sorted, since they may come in any order.
func (h heard) String() string {
	if len(h.answers) == 0 {
		return "nothing"
	}
	return strings.Join(slices.Sorted(slices.Values(h.answers)), "; ")
}

// hear reads answers until enough came, or to the end of the connection. A CLOSE
// must be the last.
func (p *peer) hear(h *heard, enough func() bool) {
	p.t.Helper()
	for !enough() {
		rec, err := p.read()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return
		}
		check(p.t, err)
		if last := len(h.answers) - 1; last >= 0 && strings.HasPrefix(h.answers[last], "CLOSE") {
			p.t.Fatalf("%s behind CLOSE", rec.Type)
		}
		h.answers = append(h.answers, p.answer(rec, h.kept))
	}
}

func (p *peer) answer(rec framing.Record, kept map[string][32]byte) string {
	p.t.Helper()
	switch rec.Type {
	case framing.TypeAccept:
		a, err := framing.ParseAccept(rec.Payload)
		check(p.t, err)
		return fmt.Sprintf("ACCEPT %d", a.Ref)
	case framing.TypeReceipt:
		r, err := framing.ParseReceipt(rec.Payload)
		check(p.t, err)
		entry := p.open(r.Text)
		kept[entry.File] = entry.SHA256
		return fmt.Sprintf("RECEIPT %d", r.Ref)
	case framing.TypeRefusal:
		r, err := framing.ParseRefusal(rec.Payload)
		check(p.t, err)
		return fmt.Sprintf("REFUSAL %d 0x%04x", r.Ref, uint16(r.Code))
	case framing.TypeClose:
		c, err := framing.ParseClose(rec.Payload)
		check(p.t, err)
		return fmt.Sprintf("CLOSE 0x%04x", uint16(c.Code))
	}
	return rec.Type.String()
}

// TestVectors2012 plays whole connections to a real server's 2012 port.
func TestVectors2012(t *testing.T) {
	t.Parallel()
	for _, v := range vectortest.Read(t, vectorDir+"wire2012") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			s := startFor(t, v)
			if v.Header["expect"] != "success" {
				s.wantReset2012(t, v.Body)
				s.wantFiles(t, 0)
				return
			}
			check(t, s.send2012(t, v.Body))
			s.wantFiles(t, 1)
			if got := fmt.Sprintf("%x", sha256.Sum256(s.content(t, logfile.FileName(0)))); got != v.Header["sha256"] {
				t.Errorf("another message was kept, with SHA-256 %s", got)
			}
		})
	}
}
