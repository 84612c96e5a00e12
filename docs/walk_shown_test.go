package docs

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/client/cli"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/voice"
)

func b64(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

// part is some bytes of a dump, and what is said of them.
type part struct {
	bytes  []byte
	remark string
}

// dump shows parts with their offsets, 16 bytes a line.
func dump(offset int, parts ...part) string {
	var out strings.Builder
	for _, p := range parts {
		for i := 0; i < len(p.bytes); i += 16 {
			row := p.bytes[i:min(i+16, len(p.bytes))]
			remark := ""
			if i == 0 {
				remark = p.remark
			}
			out.WriteString(strings.TrimRight(fmt.Sprintf("%5d  %-47x  %s", offset, spaced(row), remark), " ") + "\n")
			offset += len(row)
		}
	}
	return out.String()
}

// spaced prints as hex digits in pairs.
type spaced []byte

func (s spaced) Format(f fmt.State, _ rune) {
	width, _ := f.Width()
	fmt.Fprintf(f, "%-*s", width, fmt.Sprintf("% x", []byte(s)))
}

// cut takes a stream apart: sizes in bytes and what is said of each.
func cut(stream []byte, pieces ...any) (parts []part) {
	for i := 0; i < len(pieces); i += 2 {
		n := pieces[i].(int)
		parts = append(parts, part{stream[:n], pieces[i+1].(string)})
		stream = stream[n:]
	}
	if len(stream) > 0 {
		parts = append(parts, part{stream, "NOT SAID"})
	}
	return parts
}

// shown returns the text of every example in WALK.md by its kind.
func (w *walk) shown(t *testing.T) map[string]string {
	t.Helper()
	candidates := w.candidates(t)
	return map[string]string{
		"ahoy":       walkAhoy(),
		"blocks":     walkBlocks(),
		"raw":        dump(0, cut(w.raw, 32, "the key, in clear", 88, "base64 as text, to the end of the stream")...),
		"client":     w.clientDump(),
		"server":     w.serverDump(),
		"logfile":    string(w.files[walkIndex]),
		"parts":      w.parts(t),
		"line":       string(w.lines[walkIndex]) + "\n",
		"tree":       w.picture(),
		"nodes":      w.nodes(),
		"fold":       w.fold(),
		"checkpoint": string(w.signed),
		"signature":  w.signature(t),
		"receipt":    string(w.proof),
		"candidate1": string(candidates[0]),
		"candidate2": string(candidates[1]),
		"candidate3": string(candidates[2]),
		"identity":   w.pin + "\n",
		"verified":   w.verified(t),
	}
}

func walkAhoy() string {
	block := append([]byte("AHOY"), bytes.Repeat([]byte{28}, 28)...)
	reversed, sealed := make([]byte, 32), make([]byte, 32)
	for i := range block {
		reversed[i] = block[31-i]
		sealed[i] = reversed[i] ^ spaces[i]
	}
	return fmt.Sprintf("padded    %x\nreversed  %x\nXOR 20…   %x\nas text   %s\nbase64    %s\n",
		block, reversed, sealed, sealed, b64(sealed))
}

func walkBlocks() string {
	key := walkKey()
	padded := append([]byte(walkText), bytes.Repeat([]byte{23}, 23)...)
	var out strings.Builder
	for n := range 2 {
		block, reversed, sealed := padded[32*n:32*n+32], make([]byte, 32), make([]byte, 32)
		for i := range block {
			reversed[i] = block[31-i]
			sealed[i] = reversed[i] ^ key[i]
		}
		fmt.Fprintf(&out, "block %d   %x\nreversed  %x\nkey       %x\nXOR       %x\n", n, block, reversed, key[:], sealed)
	}
	return out.String()
}

func (w *walk) clientDump() string {
	return dump(0, cut(w.client,
		5, "HELLO, 56 bytes", 56, `the token, "sealpost:ada:AAECAwQF…"`,
		5, "OFFER, 77 bytes", 4, "ref 0", 16, "message id", 1, "cipher 2012", 8, "41 bytes, deciphered",
		8, "88 characters of base64", 32, "SHA-256 of the message", 8, `"lamp.txt"`,
		5, "DATA, 120 bytes", 32, "the key", 88, "base64 as text",
		5, "END, no payload")...)
}

func (w *walk) serverDump() string {
	out := framing.AppendWelcome(nil,
		framing.Welcome{MaxMessage: 1 << 30, Window: framing.InitialWindow, MaxInFlight: 256, LogbookID: walkBook})
	out = framing.AppendReceipt(out, framing.Receipt{Text: w.proof})[:51+9+23]
	return dump(0, cut(out,
		5, "WELCOME, 46 bytes", 8, "messages up to 1 GiB", 4, "window of 262144 bytes", 2, "256 offers without an answer",
		32, "the logbook's id", 5, fmt.Sprintf("RECEIPT, %d bytes", 4+len(w.proof)), 4, "ref 0",
		23, "the receipt: a text, it goes on")...)
}

func (w *walk) parts(t *testing.T) string {
	t.Helper()
	e, err := logfile.ParseLine(w.lines[walkIndex])
	if err != nil {
		t.Fatal(err)
	}
	l := walkLayout(e)
	at, after := l.PlainOffset(), l.PlainOffset()+int64(e.Size)
	return fmt.Sprintf("%5d  %4d bytes  header\n%5d  %4d bytes  the message\n%5d  %4d bytes  lines between\n"+
		"%5d  %4d bytes  base64, a line end behind 76 characters and at the end\n%5d              end\n",
		0, at, at, e.Size, after, len(l.Trailer()), l.CipherOffset(), l.FileSize()-l.CipherOffset(), l.FileSize())
}

// node returns the root over lines from (inclusive) to (exclusive).
func (w *walk) node(from, to int) tlog.Hash {
	if to-from == 1 {
		return tlog.Hash(hash(0, w.lines[from]))
	}
	k := 1
	for 2*k < to-from {
		k *= 2
	}
	left, right := w.node(from, from+k), w.node(from+k, to)
	return tlog.Hash(hash(1, left[:], right[:]))
}

func (w *walk) picture() string {
	h := func(from, to int) any { n := w.node(from, to); return fmt.Sprintf("%x", n[:4]) }
	return fmt.Sprintf(`                         root %s
                        /             \
               0-3 %s            \
              /            \            \
      0-1 %s     2-3 %s      \
      /        \       /        \         \
 %s %s %s %s  %s
  line 0   line 1   line 2   line 3    line 4
`, h(0, 5), h(0, 4), h(0, 2), h(2, 4), h(0, 1), h(1, 2), h(2, 3), h(3, 4), h(4, 5))
}

func (w *walk) nodes() string {
	var out strings.Builder
	for _, n := range []struct {
		name     string
		from, to int
	}{
		{"line 1", 1, 2}, {"line 2", 2, 3}, {"line 3", 3, 4}, {"line 4", 4, 5},
		{"0-1", 0, 2}, {"2-3", 2, 4}, {"0-3", 0, 4}, {"root", 0, 5},
	} {
		h := w.node(n.from, n.to)
		fmt.Fprintf(&out, "%-7s %x\n", n.name, h[:])
	}
	return out.String()
}

func (w *walk) fold() string {
	leaf, three, zeroOne, four := w.node(2, 3), w.node(3, 4), w.node(0, 2), w.node(4, 5)
	twoThree, zeroThree, root := w.node(2, 4), w.node(0, 4), w.node(0, 5)
	return fmt.Sprintf("leaf    %x\n+ right %x\n= 2-3   %x\n+ left  %x\n= 0-3   %x\n+ right %x\n= root  %x\n",
		leaf[:], three[:], twoThree[:], zeroOne[:], zeroThree[:], four[:], root[:])
}

func (w *walk) signature(t *testing.T) string {
	t.Helper()
	raw := decode(t, string(bytes.Fields(w.signed)[5]))
	return dump(0, cut(raw, 4, "the pin's hash: which key", 64, "Ed25519 signature of the text's three lines")...)
}

// verified is what the client prints of the receipt.
func (w *walk) verified(t *testing.T) string {
	t.Helper()
	t.Setenv("CLIENT_SERVER_IDENTITY", w.pin)
	var out, complaints bytes.Buffer
	args := []string{"verify", "walk/" + walkName + ".tlog-proof", "walk/" + walkName}
	if status := cli.Main(t.Context(), args, voice.Streams{Out: &out, Err: &complaints}); status != 0 {
		t.Fatalf("client verify: status %d: %s", status, complaints.String())
	}
	return out.String()
}
