package docs

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/receipt/receipttest"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// All that WALK.md and the files in walk/ show is computed from these inputs
// and from the seed 00 01 02 … 1f of exampleIdentity.
const (
	walkBook     = "5ea1b0a75ea1b0a75ea1b0a75ea1b0a7"
	walkPassword = "lighthouse"
	walkText     = "Lamp lit at six. Two barges in, one out.\n"
	walkName     = "lamp.txt"
	walkSender   = "ada"
	walkToken    = "sealpost:ada:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	walkIndex    = 2 // of the message that is followed
)

// spaces is a key for work by hand: XOR with a space turns a letter's case.
var spaces = cipher2012.Key(bytes.Repeat([]byte(" "), cipher2012.KeySize))

func walkKey() cipher2012.Key { return cipher2012.DeriveKey(walkPassword) }

// walked is one message of the walk's logbook.
type walked struct {
	sender, name, id, text string
	key                    *cipher2012.Key // nil: cipher none
}

func walkMessages() []walked {
	key := walkKey()
	return []walked{
		{message.NoSender, "", "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1", "AHOY", &spaces},
		{message.NoSender, "", "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2", walkText, &key},
		{walkSender, walkName, "00112233445566778899aabbccddeeff", walkText, &key},
		{"grace", "noon.txt", "c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3", "All quiet.\n", nil},
		{walkSender, "empty.txt", "d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4", "", nil},
	}
}

// walk is the walk's logbook, and what crossed the wires for it.
type walk struct {
	files, lines  [][]byte
	tree          *receipttest.Tree
	client, raw   []byte // the streams of message 2 and of message 1
	proof, signed []byte // the receipt of message 2, and its checkpoint
	pin           string
	id            *identity.Identity
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	w := &walk{id: exampleIdentity(t), raw: raw2012(walkKey(), walkText), client: clientStream(walkToken)}
	w.pin = w.id.VerifierKey(receipt.Origin(walkBook))
	for i, m := range walkMessages() {
		file, line := walkFile(t, uint64(i), m)
		w.files, w.lines = append(w.files, file), append(w.lines, line)
	}
	var err error
	if w.tree, err = receipttest.NewTree(w.lines...); err != nil {
		t.Fatal(err)
	}
	if w.signed, err = w.tree.Sign(w.id, walkBook, w.tree.Size()); err != nil {
		t.Fatal(err)
	}
	if w.proof, err = w.tree.Receipt(w.id, walkBook, walkIndex, w.tree.Size()); err != nil {
		t.Fatal(err)
	}
	return w
}

func raw2012(key cipher2012.Key, text string) []byte {
	return append(key[:], cipher2012.Encrypt(key, []byte(text))...)
}

// clientStream is what a client sends inside TLS to deliver message 2.
func clientStream(token string) []byte {
	m := walkMessages()[walkIndex]
	id, body := walkID(m.id), raw2012(*m.key, m.text)
	out := framing.AppendHello(nil, token)
	out = framing.AppendOffer(out, framing.Offer{
		ID: id, Cipher: framing.Cipher2012, Size: uint64(len(m.text)), EncryptedSize: uint64(len(body) - cipher2012.KeySize),
		SHA256: sha256.Sum256([]byte(m.text)), Name: m.name,
	})
	out = append(framing.AppendDataHeader(out, len(body)), body...)
	return framing.Append(out, framing.TypeEnd, nil)
}

func walkID(digits string) (id message.ID) {
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		panic(err) // the inputs above are wrong
	}
	return id
}

// walkFile makes a message's log file and manifest line.
func walkFile(t *testing.T, seq uint64, m walked) (file, line []byte) {
	t.Helper()
	e := logfile.Entry{
		V: 1, Seq: seq, File: logfile.FileName(seq), ID: walkID(m.id), Sender: m.sender, Name: m.name, Cipher: message.None,
		ReceivedAt: time.Date(2012, time.July, 22, 18, 0, int(seq), 250_000_000, time.UTC),
		Size:       uint64(len(m.text)), SHA256: sha256.Sum256([]byte(m.text)),
	}
	var text []byte
	if m.key != nil {
		text = cipher2012.Encrypt(*m.key, []byte(m.text))
		e.Cipher, e.EncryptedSize = message.Cipher2012, uint64(len(text))
	}
	layout := walkLayout(e)
	out := bytes.NewBuffer(layout.Header())
	out.WriteString(m.text)
	out.Write(layout.Trailer())
	wrapped := logfile.WrapBase64(out)
	if _, err := wrapped.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := wrapped.Close(); err != nil {
		t.Fatal(err)
	}
	e.FileSize, e.FileSHA256 = uint64(out.Len()), sha256.Sum256(out.Bytes())
	line, err := e.Line()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), line
}

func walkLayout(e logfile.Entry) logfile.Layout {
	return logfile.NewLayout(logfile.Head{
		ReceivedAt: e.ReceivedAt, Size: e.Size, EncryptedSize: e.EncryptedSize,
		Cipher: e.Cipher, Sender: e.Sender, Name: e.Name, ID: e.ID,
	}, 1<<20)
}

// candidates are the three checkpoints of which one is forged: the true one
// with a witness's signature beside the server's, a forged one, an older one.
func (w *walk) candidates(t *testing.T) [3][]byte {
	t.Helper()
	older, err := w.tree.Sign(w.id, walkBook, 3)
	if err != nil {
		t.Fatal(err)
	}
	text, signature, _ := bytes.Cut(w.signed, []byte("\n\n"))
	watch := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	signed := append(bytes.Clone(text), '\n')
	witness := walkSignature(t, "harbour-watch", watch, signed)
	return [3][]byte{
		[]byte(string(signed) + "\n" + witness + string(signature)),
		w.forged(t), older,
	}
}

// forged is a checkpoint of a manifest in which message 2 has another sender,
// signed by a key that is not the server's under the name and hash that are.
func (w *walk) forged(t *testing.T) []byte {
	t.Helper()
	lines := append([][]byte(nil), w.lines...)
	lines[walkIndex] = bytes.Replace(lines[walkIndex], []byte(`"sender":"ada"`), []byte(`"sender":"eve"`), 1)
	tree, err := receipttest.NewTree(lines...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tree.Checkpoint(walkBook, tree.Size())
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
	thief := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize))
	hash := decode(t, string(bytes.Fields(w.signed)[5]))[:4]
	return []byte(text + "\n" + signatureLine(c.Origin, hash, ed25519.Sign(thief, []byte(text))))
}

func walkSignature(t *testing.T, name string, key ed25519.PrivateKey, text []byte) string {
	t.Helper()
	pin, err := note.NewEd25519VerifierKey(name, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(pin)
	if err != nil {
		t.Fatal(err)
	}
	h := verifier.KeyHash()
	return signatureLine(name, []byte{byte(h >> 24), byte(h >> 16), byte(h >> 8), byte(h)}, ed25519.Sign(key, text))
}

func signatureLine(name string, hash, signature []byte) string {
	return "— " + name + " " + b64(append(bytes.Clone(hash), signature...)) + "\n"
}
