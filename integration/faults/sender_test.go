package faults

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"sealpost/integration/faults/ledger"
	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/settings"
)

// sender is one that the server knows.
type sender struct {
	name  string
	token token.Token
	pins  identity.Pins
	env   []string // for a client process
}

// addSender makes a token with the server's own command.
func (s *server) addSender(name string) sender {
	s.t.Helper()
	out, complaint, status := s.command("sender", "add", name)
	if status != 0 {
		s.t.Fatalf("sender add: exit status %d: %s", status, complaint)
	}
	made := sender{name: name, env: strings.Fields(out)}
	for _, line := range made.env {
		var err error
		switch variable, value, _ := strings.Cut(line, "="); variable {
		case "CLIENT_TOKEN":
			made.token, err = token.Parse(value)
		case "CLIENT_SERVER_IDENTITY":
			made.pins, err = identity.ParsePins(value)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return made
}

// courier connects as this sender to addr, which may be several with commas between
// them. It tries again for as long as the caller's context lasts, and gives up a silent
// connection after stall.
func (s sender) courier(addr string, stall time.Duration) *courier.Courier {
	check := func(string) *tls.Config { return s.pins.ClientTLS() }
	servers := dial.List(settings.Addresses(addr).List(), check)
	return courier.New(courier.Config{
		Servers: servers, Token: s.token, Pins: s.pins, Stall: stall, Log: zerolog.Nop(),
	})
}

// parcel is one message, made of its seed alone: a run holds many thousands.
type parcel struct {
	from int // which sender
	courier.Message
}

// The password is of the message, no secret of the test.
const password2012 = "secret"

var key2012 = cipher2012.DeriveKey(password2012)

// newParcel makes message number n of what seed gives.
func newParcel(from int, seed, n uint64) parcel { return parcelOf(from, seed, n, content) }

func parcelOf(from int, seed, n uint64, content func(seed, n uint64) []byte) parcel {
	text := content(seed, n)
	m := courier.Message{
		ID: idOf(seed, n), Name: fmt.Sprintf("message-%d.txt", n), Cipher: message.None,
		Size: uint64(len(text)), SHA256: sha256.Sum256(text),
		Open: func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(content(seed, n))), nil },
	}
	if n%8 == 3 {
		m.Cipher, m.Key = message.Cipher2012, key2012
	}
	return parcel{from, m}
}

// content is mostly short, so that many messages share a commit, and sometimes
// long, so that a fault meets one in the middle.
func content(seed, n uint64) []byte {
	random := rand.New(rand.NewPCG(seed, n))
	size := random.IntN(3000)
	switch random.IntN(64) {
	case 0:
		size = 400 << 10
	case 1, 2:
		size = 100 << 10
	case 3:
		size = 0
	}
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], n)
	text := make([]byte, size)
	_, _ = rand.NewChaCha8(key).Read(text) // never fails
	return text
}

func idOf(seed, n uint64) (id message.ID) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", seed, n))
	copy(id[:], sum[:])
	return id
}

// known is what the ledger is told of a message.
func (s sender) known(m courier.Message) ledger.Message {
	return ledger.Message{Sender: s.name, ID: m.ID,
		Content: ledger.Content{Name: m.Name, Cipher: m.Cipher, Size: m.Size, SHA256: m.SHA256}}
}

// noteReceipt enters a receipt that a client process kept in a file.
func (s sender) noteReceipt(l *ledger.Ledger, path string) error {
	e, err := s.readReceipt(path)
	if err == nil {
		l.Receipt(e)
	}
	return err
}

func (s sender) readReceipt(path string) (e logfile.Entry, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return e, err
	}
	opened, err := receipt.Open(text, s.pins)
	if err != nil {
		return e, err
	}
	return logfile.OfReceipt(opened)
}
