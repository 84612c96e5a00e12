package collector_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sealpost/shared/nettest"
)

// misbehaving is a small FTP server (RFC 959, 2428, 4217) over the files of a
// map, which can be told to break the rules at any point.
type misbehaving struct {
	t     *testing.T
	files map[string][]byte
	tls   *tls.Config // explicit TLS, data connections must resume the session

	// reply answers a command in place of the server where it returns true.
	reply func(c *ftpClient, command, argument string) bool
	// send sends a file on the data connection and returns the reply after it.
	send func(data net.Conn, name string, body []byte) string
	// greet replaces the greeting.
	greet func(c *ftpClient)

	l        net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	conns    map[net.Conn]bool
	commands []string
	closed   bool
}

// ftpClient is the server's side of one control connection.
type ftpClient struct {
	server *misbehaving
	conn   net.Conn
	in     *bufio.Reader
	data   net.Listener
	offset int64
	number int // of the connection, from 1
}

func (m *misbehaving) start(t *testing.T) string {
	t.Helper()
	m.t, m.l, m.conns = t, nettest.Listen(t), map[net.Conn]bool{}
	m.wg.Go(func() {
		for number := 1; ; number++ {
			conn, err := m.l.Accept()
			if err != nil {
				return
			}
			if m.track(conn) {
				m.wg.Go(func() { m.serve(&ftpClient{server: m, conn: conn, number: number}) })
			}
		}
	})
	t.Cleanup(m.stop)
	return m.l.Addr().String()
}

// track lets stop close a connection; false where it is too late.
func (m *misbehaving) track(conn net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		conn.Close()
		return false
	}
	m.conns[conn] = true
	return true
}

func (m *misbehaving) stop() {
	m.l.Close()
	m.mu.Lock()
	m.closed = true
	for conn := range m.conns {
		conn.Close()
	}
	m.mu.Unlock()
	m.wg.Wait()
}

// seen returns the commands with that verb that came, in order.
func (m *misbehaving) seen(verb string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []string
	for _, command := range m.commands {
		if strings.HasPrefix(command, verb) {
			found = append(found, command)
		}
	}
	return found
}

func (c *ftpClient) say(format string, args ...any) {
	fmt.Fprintf(c.conn, format+"\r\n", args...) // a client that left shows at the next read
}

func (m *misbehaving) serve(c *ftpClient) {
	defer func() { c.conn.Close() }() // which may be the TLS connection by then
	c.in = bufio.NewReader(c.conn)
	if m.greet != nil {
		m.greet(c)
	} else {
		c.say("220 ready")
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		m.mu.Lock()
		m.commands = append(m.commands, line)
		m.mu.Unlock()
		command, argument, _ := strings.Cut(line, " ")
		if m.reply == nil || !m.reply(c, command, argument) {
			m.answer(c, command, argument)
		}
	}
}

func (m *misbehaving) answer(c *ftpClient, command, argument string) {
	switch command {
	case "AUTH":
		c.say("234 go ahead")
		c.conn = tls.Server(c.conn, m.tls)
		c.in = bufio.NewReader(c.conn)
	case "USER":
		c.say("331 password")
	case "PASS":
		c.say("230 welcome")
	case "FEAT":
		c.say("211-Features:\r\n EPSV\r\n SIZE\r\n211 End")
	case "TYPE", "PBSZ", "PROT":
		c.say("200 ok")
	case "SIZE":
		if body, ok := m.files[argument]; ok {
			c.say("213 %d", len(body))
		} else {
			c.say("550 no such file")
		}
	case "EPSV":
		c.passive()
		c.say("229 entering (|||%d|)", c.data.Addr().(*net.TCPAddr).Port)
	case "REST":
		c.offset, _ = strconv.ParseInt(argument, 10, 64)
		c.say("350 from there")
	case "RETR":
		m.retrieve(c, argument)
	case "QUIT":
		c.say("221 bye")
		c.conn.Close()
	default:
		c.say("500 unknown command")
	}
}

func (c *ftpClient) passive() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.server.t.Error(err)
		return
	}
	c.data = l
}

func (m *misbehaving) retrieve(c *ftpClient, name string) {
	defer c.data.Close()
	body, ok := m.files[name]
	if !ok {
		c.say("550 no such file")
		return
	}
	body, c.offset = body[min(c.offset, int64(len(body))):], 0
	c.say("150 here it comes")
	raw, err := c.data.Accept()
	if err != nil || !m.track(raw) {
		return
	}
	defer raw.Close()
	conn := raw
	if m.tls != nil {
		secure := tls.Server(raw, m.tls)
		if err := secure.Handshake(); err != nil || !secure.ConnectionState().DidResume {
			c.say("522 SSL connection failed: session reuse required")
			return
		}
		conn = secure
	}
	end := "226 done"
	if m.send != nil {
		end = m.send(conn, name, body)
	} else if _, err := conn.Write(body); err != nil {
		end = "426 cut"
	}
	conn.Close()
	if end != "" {
		c.say("%s", end)
	}
}
