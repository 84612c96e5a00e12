package intake_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// peer is a client that speaks the sealpost wire by hand, and can break it.
type peer struct {
	t    testing.TB
	s    *server
	raw  net.Conn // TCP
	conn *tls.Conn
	in   *framing.Reader
	next uint32 // number of the next offer
}

// dialRaw opens a plain TCP connection from an address of this machine.
func (s *server) dialRaw(t testing.TB, addr, from string) *net.TCPConn {
	t.Helper()
	var d net.Dialer
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	check(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn.(*net.TCPConn)
}

// dial brings up TLS and says nothing.
func (s *server) dial(t testing.TB) *peer {
	t.Helper()
	p, err := s.handshake(t, s.dialRaw(t, s.addr, ""))
	check(t, err)
	return p
}

func (s *server) handshake(t testing.TB, raw net.Conn) (*peer, error) {
	t.Helper()
	conn := tls.Client(raw, s.pins(t).ClientTLS())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return &peer{t: t, s: s, raw: raw, conn: conn, in: framing.NewReader(conn)}, conn.HandshakeContext(ctx)
}

// connect logs in.
func (s *server) connect(t testing.TB) *peer {
	t.Helper()
	p := s.dial(t)
	p.login()
	return p
}

func (p *peer) login() framing.Welcome {
	p.t.Helper()
	p.write(framing.AppendHello(nil, p.s.token.Reveal()))
	w, err := framing.ParseWelcome(p.want(framing.TypeWelcome))
	check(p.t, err)
	return w
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	check(p.t, p.conn.SetWriteDeadline(time.Now().Add(patience)))
	_, err := p.conn.Write(b)
	check(p.t, err)
}

// read returns the next record of the server.
func (p *peer) read() (framing.Record, error) {
	p.t.Helper()
	check(p.t, p.conn.SetReadDeadline(time.Now().Add(patience)))
	rec, err := p.in.Next()
	rec.Payload = bytes.Clone(rec.Payload)
	return rec, err
}

func (p *peer) want(kind framing.Type) []byte {
	p.t.Helper()
	rec, err := p.read()
	check(p.t, err)
	if rec.Type != kind {
		p.t.Fatalf("the server sent %s %q instead of %s", rec.Type, rec.Payload, kind)
	}
	return rec.Payload
}

func (p *peer) wantAccept(ref uint32) {
	p.t.Helper()
	p.wantAcceptFrom(ref, 0)
}

// wantAcceptFrom expects the server to go on with a body from an offset.
func (p *peer) wantAcceptFrom(ref uint32, offset uint64) {
	p.t.Helper()
	got, err := framing.ParseAccept(p.want(framing.TypeAccept))
	check(p.t, err)
	if want := (framing.Accept{Ref: ref, Offset: offset}); got != want {
		p.t.Fatalf("ACCEPT %+v instead of %+v", got, want)
	}
}

// wantReceipt reads a receipt and checks whose it is; the entry is what it says.
func (p *peer) wantReceipt(ref uint32) ([]byte, logfile.Entry) {
	p.t.Helper()
	r, err := framing.ParseReceipt(p.want(framing.TypeReceipt))
	check(p.t, err)
	if r.Ref != ref {
		p.t.Fatalf("a receipt for offer %d instead of %d", r.Ref, ref)
	}
	return r.Text, p.open(r.Text)
}

func (p *peer) open(text []byte) logfile.Entry {
	p.t.Helper()
	opened, err := receipt.Open(text, p.s.pins(p.t))
	check(p.t, err)
	entry, err := logfile.ParseLine(opened.Line)
	check(p.t, err)
	return entry
}

func (p *peer) wantRefusal(ref uint32, code framing.Code) framing.Refusal {
	p.t.Helper()
	r, err := framing.ParseRefusal(p.want(framing.TypeRefusal))
	check(p.t, err)
	if r.Ref != ref || r.Code != code || r.Reason == "" {
		p.t.Fatalf("offer %d was refused with %s (%q); expected offer %d, %s", r.Ref, r.Code, r.Reason, ref, code)
	}
	return r
}

// wantClose reads CLOSE, and the end of the connection behind it.
func (p *peer) wantClose(code framing.Code) framing.Close {
	p.t.Helper()
	c, err := framing.ParseClose(p.want(framing.TypeClose))
	check(p.t, err)
	if c.Code != code || c.Reason == "" {
		p.t.Fatalf("closed with %s (%q) instead of %s", c.Code, c.Reason, code)
	}
	if rec, err := p.read(); !errors.Is(err, io.EOF) {
		p.t.Fatalf("after CLOSE came %s, %v", rec.Type, err)
	}
	return c
}

// wantCut reads the end of a connection that the server ends without a word.
func (p *peer) wantCut() {
	p.t.Helper()
	rec, err := p.read()
	if err == nil {
		p.t.Fatalf("the server sent %s %q instead of closing", rec.Type, rec.Payload)
	}
	wantEnded(p.t, err)
}

// wantEnded checks that an error of a connection means that the server ended
// it, and not that nothing happened.
func wantEnded(t testing.TB, err error) {
	t.Helper()
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("the server did not close the connection: %v", err)
	}
}

// parcel is a message as it travels.
type parcel struct {
	framing.Offer
	plain []byte
	body  []byte // what DATA records carry
}

func plain(name string, content []byte) parcel {
	return parcel{plain: content, body: content, Offer: framing.Offer{
		ID: message.NewID(), Cipher: framing.CipherNone, Size: uint64(len(content)),
		SHA256: sha256.Sum256(content), Name: name,
	}}
}

// sealed is enciphered with the 2012 cipher.
func sealed(name string, content []byte) parcel {
	m := plain(name, content)
	key := cipher2012.DeriveKey("password")
	m.body = append(key[:], cipher2012.Encrypt(key, content)...)
	m.Cipher, m.EncryptedSize = framing.Cipher2012, cipher2012.EncryptedLen(m.Size)
	return m
}

// offer returns the OFFER record of m with the next number.
func (p *peer) offer(m parcel) []byte {
	m.Ref = p.next
	p.next++
	return framing.AppendOffer(nil, m.Offer)
}

// whole returns all records of m.
func (p *peer) whole(m parcel) []byte {
	return framing.Append(appendData(p.offer(m), m.body), framing.TypeEnd, nil)
}

// appendData cuts body into DATA records.
func appendData(dst, body []byte) []byte {
	for len(body) > 0 {
		n := min(len(body), framing.MaxData)
		dst = framing.Append(dst, framing.TypeData, body[:n])
		body = body[n:]
	}
	return dst
}

// deliver sends a message that must be kept, and checks what was kept.
func (p *peer) deliver(m parcel) logfile.Entry {
	p.t.Helper()
	ref := p.next
	p.write(p.whole(m))
	if len(m.body) > framing.InitialWindow {
		p.wantAccept(ref)
	}
	_, e := p.wantReceipt(ref)
	p.wantKept(m, e)
	return e
}

func (p *peer) wantKept(m parcel, e logfile.Entry) {
	p.t.Helper()
	if e.ID != m.ID || e.Name != m.Name || e.Size != m.Size || e.SHA256 != m.SHA256 || e.Sender != p.s.token.Sender() {
		p.t.Errorf("the receipt is about another message: %+v", e)
	}
	if got := p.s.content(p.t, e.File); !bytes.Equal(got, m.plain) {
		p.t.Errorf("%s holds %d bytes, and not those that were sent", e.File, len(got))
	}
}
