// Package docs tests what the documents in this directory say against the code.
package docs

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/numbers"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var fence = regexp.MustCompile("(?s)\n```([a-z0-9]+)\n(.*?)```\n")

// example returns the text of the page's examples of one kind.
func example(t *testing.T, kind string) []string {
	t.Helper()
	var found []string
	for _, m := range fence.FindAllStringSubmatch(read(t, "PROTOCOL.md"), -1) {
		if m[1] == kind {
			found = append(found, m[2])
		}
	}
	if len(found) == 0 {
		t.Fatalf("PROTOCOL.md has no example of kind %s", kind)
	}
	return found
}

// The message of the page's examples of log file, manifest and receipt.
const (
	logbookID = "0123456789abcdef0123456789abcdef"
	logText   = "The harbour log of the ninth: two barges in, one out, wind from the south-west, " +
		"and the lamp was lit at six"
)

func exampleID() (id message.ID) {
	for i := range id {
		id[i] = byte(i)
	}
	return id
}

func exampleIdentity(t *testing.T) *identity.Identity {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.ParsePEM(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// exampleFile makes log file and manifest line of the page's example.
func exampleFile(t *testing.T) (file, line []byte) {
	t.Helper()
	text := cipher2012.Encrypt(cipher2012.DeriveKey("harbour"), []byte(logText))
	head := logfile.Head{
		ReceivedAt: time.Date(2012, time.July, 22, 20, 44, 41, 123456789, time.UTC),
		Size:       uint64(len(logText)), EncryptedSize: uint64(len(text)),
		Cipher: message.Cipher2012, Sender: "store-17", Name: "harbour.txt", ID: exampleID(),
	}
	layout := logfile.NewLayout(head, 1<<20)
	var out bytes.Buffer
	for _, part := range [][]byte{layout.Header(), []byte(logText), layout.Trailer()} {
		out.Write(part)
	}
	wrapped := logfile.WrapBase64(&out)
	if _, err := wrapped.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := wrapped.Close(); err != nil {
		t.Fatal(err)
	}
	line, err := logfile.Entry{
		V: 1, File: logfile.FileName(0), ID: head.ID, Sender: head.Sender, Name: head.Name, Cipher: head.Cipher,
		ReceivedAt: head.ReceivedAt, Size: head.Size, EncryptedSize: head.EncryptedSize,
		SHA256:   sha256.Sum256([]byte(logText)),
		FileSize: uint64(out.Len()), FileSHA256: sha256.Sum256(out.Bytes()),
	}.Line()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), line
}

func TestProtocolFiles(t *testing.T) {
	id := exampleIdentity(t)
	file, line := exampleFile(t)
	proof, checkpoint := exampleReceipt(t, id, line)
	for kind, want := range map[string]string{
		"identity":   id.VerifierKey(receipt.Origin(logbookID)) + "\n",
		"logfile":    string(file),
		"manifest":   string(line) + "\n",
		"checkpoint": string(checkpoint),
		"receipt":    string(proof),
		"retired":    retiredExample(t, id),
	} {
		if got := example(t, kind); len(got) != 1 || got[0] != want {
			t.Errorf("%s: the page has\n%s\nwant\n%s", kind, strings.Join(got, "\n\n"), want)
		}
	}
	if page := read(t, "PROTOCOL.md"); !strings.Contains(page, hex.EncodeToString(id.Public())) {
		t.Error("the page's public key is another")
	}
	layout := logfile.NewLayout(logfile.Head{EncryptedSize: 44, Cipher: message.Cipher2012}, 1<<20)
	if row := rows(t, `h \+ size`)[0]; row[1] != fmt.Sprintf("1 or %d", len(layout.Trailer())) ||
		!strings.Contains(row[2], strconv.Quote(string(layout.Trailer()))[1:42]) {
		t.Errorf("the page's row is %q, the lines in between are %q", row, layout.Trailer())
	}
}

// stream joins the bytes of an example of records; what stands behind two
// spaces is a remark.
func stream(t *testing.T, text string) []byte {
	t.Helper()
	var all []byte
	for line := range strings.Lines(text) {
		digits, _, _ := strings.Cut(strings.TrimRight(line, "\n"), "  ")
		raw, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, raw...)
	}
	return all
}

func TestProtocolRecords(t *testing.T) {
	text := []byte("Tide at nine.")
	client := framing.AppendHello(nil, "sealpost:store-17:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
	client = framing.AppendOffer(client,
		framing.Offer{ID: exampleID(), Size: uint64(len(text)), SHA256: sha256.Sum256(text), Name: "tide.txt"})
	client = append(framing.AppendDataHeader(client, len(text)), text...)
	client = framing.Append(client, framing.TypeEnd, nil)
	server := framing.AppendWelcome(nil,
		framing.Welcome{MaxMessage: 1 << 30, Window: framing.InitialWindow, MaxInFlight: 256, LogbookID: logbookID})
	server = framing.AppendAccept(server, framing.Accept{})
	server = framing.AppendRefusal(server,
		framing.Refusal{Code: framing.CodeIDConflict, Reason: "this message id is taken by other content"})
	server = framing.AppendClose(server, framing.Close{Code: framing.CodeShuttingDown, Reason: "the server is stopping"})
	got := example(t, "records")
	if len(got) != 2 {
		t.Fatalf("%d examples of records, want 2", len(got))
	}
	for i, want := range [][]byte{client, server} {
		if bytes := stream(t, got[i]); hex.EncodeToString(bytes) != hex.EncodeToString(want) {
			t.Errorf("example %d is\n%x\nwant\n%x", i, bytes, want)
		}
	}
}

func TestProtocolCipher(t *testing.T) {
	const password, text = "harbour", "Tide at nine."
	key := cipher2012.DeriveKey(password)
	once := sha256.Sum256([]byte(password))
	round1 := sha256.Sum256(append(once[:], password...))
	block := append([]byte(text), bytes.Repeat([]byte{19}, 19)...)
	reversed, sealed := make([]byte, 32), make([]byte, 32)
	for i := range block {
		reversed[i] = block[31-i]
		sealed[i] = reversed[i] ^ key[i]
	}
	want := fmt.Sprintf("SHA-256(password)  %x\nafter round 1      %x\nafter round 20     %x\n"+
		"padded block       %x\nreversed           %x\nXOR key            %x\nbase64             %s\n",
		once, round1, key[:], block, reversed, sealed, cipher2012.Encrypt(key, []byte(text)))
	if got := example(t, "cipher2012"); len(got) != 1 || got[0] != want {
		t.Errorf("the page has\n%s\nwant\n%s", strings.Join(got, "\n\n"), want)
	}
}

// retiredExample is the note of section 14.
func retiredExample(t *testing.T, id *identity.Identity) string {
	t.Helper()
	n, err := numbers.Parse("0-41,43")
	if err != nil {
		t.Fatal(err)
	}
	text, err := receipt.SignRetired(receipt.Retired{Origin: receipt.RetiredOrigin(logbookID), Serial: 7, Numbers: n}, id)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
