// Package deadlinetest is the peer that asks for new keys after a quiet time: a
// TLS 1.3 end that can send KeyUpdate, which crypto/tls alone cannot, and a
// connection whose quiet time passes at a word.
package deadlinetest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"sync"
)

// Labels under which crypto/tls logs the first secret of what each side sends.
const (
	Client = "CLIENT_TRAFFIC_SECRET_0"
	Server = "SERVER_TRAFFIC_SECRET_0"
)

const (
	typeHandshake       = 22
	typeApplicationData = 23
	keySize             = 16 // of AES-128-GCM
)

// Secrets is the KeyLogWriter of one connection.
type Secrets struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps what crypto/tls logs.
func (s *Secrets) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *Secrets) of(label string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(s.text.String()) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == label {
			return hex.DecodeString(words[2])
		}
	}
	return nil, errors.New("no secret under " + label)
}

// Sealer writes TLS records by itself, in the place of a tls.Conn that has sent
// sent records of application data and sends no more.
type Sealer struct {
	raw    net.Conn
	secret []byte
	sent   uint64 // records under the secret
}

// Take takes the sending side of conn over, whose secrets were logged under
// label. Its suite must be TLS_AES_128_GCM_SHA256, which crypto/tls prefers where
// the processor knows AES.
func Take(conn *tls.Conn, secrets *Secrets, label string, sent uint64) (*Sealer, error) {
	secret, err := secrets.of(label)
	if err != nil {
		return nil, err
	}
	if suite := conn.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		return nil, errors.New("suite " + tls.CipherSuiteName(suite))
	}
	return &Sealer{conn.NetConn(), secret, sent}, nil
}

// Send sends p as one record of application data.
func (s *Sealer) Send(p []byte) error { return s.seal(typeApplicationData, p) }

// UpdateKey sends KeyUpdate with update_requested, and goes on under the next key.
func (s *Sealer) UpdateKey() error {
	if err := s.seal(typeHandshake, []byte{24, 0, 0, 1, 1}); err != nil {
		return err
	}
	next, err := expand(s.secret, "traffic upd", sha256.Size)
	s.secret, s.sent = next, 0
	return err
}

func (s *Sealer) seal(kind byte, p []byte) error {
	aead, err := s.aead()
	if err != nil {
		return err
	}
	nonce, err := expand(s.secret, "iv", aead.NonceSize())
	if err != nil {
		return err
	}
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], s.sent)
	for i, b := range number {
		nonce[len(nonce)-len(number)+i] ^= b
	}
	s.sent++
	header := []byte{typeApplicationData, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(header[3:], uint16(len(p)+1+aead.Overhead()))
	inner := append(bytes.Clone(p), kind)
	_, err = s.raw.Write(aead.Seal(bytes.Clone(header), nonce, inner, header))
	return err
}

func (s *Sealer) aead() (cipher.AEAD, error) {
	key, err := expand(s.secret, "key", keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// expand is HKDF-Expand-Label (RFC 8446, section 7.1) with an empty context.
func expand(secret []byte, label string, size int) ([]byte, error) {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(size))
	info = append(append(info, byte(len(label))), label...)
	return hkdf.Expand(sha256.New, secret, string(append(info, 0)), size)
}
