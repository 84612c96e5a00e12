package docs

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/framing"
)

// TestWalkAnswers computes what each exercise asks for and compares it with the
// first values of its answer. Those of exercise 11 are TestWalkLive's.
func TestWalkAnswers(t *testing.T) {
	w := newWalk(t)
	want := map[int][]string{
		1: {string(cipher2012.Encrypt(spaces, []byte("OK")))},
		2: w.paddingPlace(t),
		3: encryptedLengths(0, 31, 32, 1_000_000),
		4: {strconv.Itoa(shortestCut(t)), "01"},
		5: {strconv.Itoa(w.recordAt(t, 2)), fmt.Sprintf("%02x", w.client[w.recordAt(t, 2)]),
			strconv.Itoa(bytes.Index(w.client, idBytes()))},
		6:  {strconv.Itoa(tlsSize(t, shortMessage()))},
		7:  {fmt.Sprintf("%x", hash(0, w.lines[0]))},
		8:  {w.forgedOne(t)},
		9:  w.sides(t),
		10: {"1", fmt.Sprintf("%x", w.proofOf(t, 4)[0])},
		11: {"0", "2"},
	}
	page := read(t, walkPage)
	if asked := regexp.MustCompile(`(?m)^\*\*Exercise \d+\.\*\*`).FindAllString(page, -1); len(asked) != len(want) {
		t.Errorf("%d exercises, %d answers", len(asked), len(want))
	}
	_, page, _ = strings.Cut(page, "\n## Answers\n")
	for number, values := range want {
		row := regexp.MustCompile(`(?m)^` + strconv.Itoa(number) + "\\. ((?:`[^`]+`(?:, )?)+)\\.").FindStringSubmatch(page)
		if row == nil {
			t.Errorf("exercise %d has no answer", number)
			continue
		}
		if got := strings.Split(strings.ReplaceAll(row[1], "`", ""), ", "); !reflect.DeepEqual(got, values) {
			t.Errorf("the answer to exercise %d is %q, want %q", number, got, values)
		}
	}
}

// paddingPlace finds the padding by comparing with what deciphers to it.
func (w *walk) paddingPlace(t *testing.T) []string {
	t.Helper()
	key := walkKey()
	sealed := decode(t, string(w.raw[cipher2012.KeySize:]))
	first, last := -1, -1
	for i := 32; i < 64; i++ {
		if sealed[i]^key[i-32] == 0x17 {
			last = i
			if first < 0 {
				first = i
			}
		}
	}
	if n := last - first + 1; n != 64-len(walkText) {
		t.Errorf("%d bytes of padding, want %d", n, 64-len(walkText))
	}
	return []string{strconv.Itoa(first), strconv.Itoa(last), "17"}
}

func encryptedLengths(sizes ...int) (lengths []string) {
	for _, n := range sizes {
		lengths = append(lengths, strconv.Itoa(len(cipher2012.Encrypt(spaces, make([]byte, n)))))
	}
	return lengths
}

// shortestCut returns after how many characters a long message that has 01 at
// every place can be cut so that the rest passes for a message.
func shortestCut(t *testing.T) int {
	t.Helper()
	text := cipher2012.Encrypt(walkKey(), bytes.Repeat([]byte{1}, 1000))
	for n := 1; n < len(text); n++ {
		if plain, err := cipher2012.Decrypt(walkKey(), text[:n]); err == nil {
			if len(plain) != 95 {
				t.Errorf("the cut leaves %d bytes", len(plain))
			}
			return n
		}
	}
	t.Fatal("no cut passes")
	return 0
}

// recordAt returns where a record of the client's stream begins, from 0.
func (w *walk) recordAt(t *testing.T, number int) int {
	t.Helper()
	reader, at := framing.NewReader(bytes.NewReader(w.client)), 0
	for range number {
		record, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		at += framing.HeaderSize + len(record.Payload)
	}
	return at
}

func idBytes() []byte {
	id := walkID(walkMessages()[walkIndex].id)
	return id[:]
}

func shortMessage() []byte {
	out := framing.AppendOffer(nil, framing.Offer{Size: 2, Name: walkName})
	out = append(framing.AppendDataHeader(out, 2), "OK"...)
	return framing.Append(out, framing.TypeEnd, nil)
}

// counted keeps what is written to a connection.
type counted struct {
	net.Conn
	written bytes.Buffer
}

func (c *counted) Write(p []byte) (int, error) {
	c.written.Write(p)
	return c.Conn.Write(p)
}

// tlsSize sends p in one write over a real connection of ours and returns the
// bytes that crossed it: one TLS record.
func tlsSize(t *testing.T, p []byte) int {
	t.Helper()
	id := exampleIdentity(t)
	config, err := id.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	server := tls.Server(theirs, config)
	done := make(chan error, 1)
	go func() {
		_, err := server.Read(make([]byte, 1024))
		done <- err
	}()
	wire := &counted{Conn: ours}
	client := tls.Client(wire, identity.Pins{{Key: id.Public()}}.ClientTLS())
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	wire.written.Reset()
	if _, err := client.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(wire.written.Bytes(), []byte{0x17, 0x03, 0x03}) {
		t.Errorf("the TLS record begins with % x", wire.written.Bytes()[:3])
	}
	return wire.written.Len()
}

// TestWalkCoat: the page's table of TLS records.
func TestWalkCoat(t *testing.T) {
	w := newWalk(t)
	hello := w.recordAt(t, 1)
	for _, row := range []struct {
		what  string
		bytes []byte
	}{{"HELLO", w.client[:hello]}, {"OFFER, DATA, END", w.client[hello:]}} {
		want := fmt.Sprintf("| %s | %d | %d |\n", row.what, len(row.bytes), tlsSize(t, row.bytes))
		if !strings.Contains(read(t, walkPage), want) {
			t.Errorf("the page has no row %q", want)
		}
	}
}

// forgedOne returns the number of the candidate that no pinned key signed.
func (w *walk) forgedOne(t *testing.T) string {
	t.Helper()
	var forged []string
	for i, text := range w.candidates(t) {
		c, err := receipt.OpenCheckpoint(text, identity.Pins{{Key: w.id.Public()}})
		switch {
		case errors.Is(err, receipt.ErrSignature):
			forged = append(forged, strconv.Itoa(i+1))
		case err != nil || c.Root != w.node(0, int(c.Size)):
			t.Errorf("candidate %d: %v, or another root", i+1, err)
		}
	}
	return strings.Join(forged, " and ")
}

// proofOf returns the hashes in the receipt of a line.
func (w *walk) proofOf(t *testing.T, index uint64) (hashes [][]byte) {
	t.Helper()
	text, err := w.tree.Receipt(w.id, walkBook, index, w.tree.Size())
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "\n\n")
	for _, row := range strings.Split(head, "\n")[3:] {
		hashes = append(hashes, decode(t, row))
	}
	return hashes
}

// sides tries for each hash of our receipt on which side it leads to a node of
// the tree.
func (w *walk) sides(t *testing.T) (sides []string) {
	t.Helper()
	r := hash(0, w.lines[walkIndex])
	next := [][2]int{{2, 4}, {0, 4}, {0, 5}}
	for i, p := range w.proofOf(t, walkIndex) {
		node := w.node(next[i][0], next[i][1])
		switch {
		case bytes.Equal(hash(1, p, r), node[:]):
			sides = append(sides, "left")
		case bytes.Equal(hash(1, r, p), node[:]):
			sides = append(sides, "right")
		}
		r = node[:]
	}
	return sides
}
