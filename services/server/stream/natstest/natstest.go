// Package natstest runs a cluster of real nats-server processes on loopback, for tests of
// what is kept in a stream: each node can be killed, held, emptied and damaged by itself.
//
// The server is built from the module that go.mod names, by the go command, which keeps
// the program in its cache. The first test after a change of version waits for that.
//
// The nodes flush before they acknowledge, unless a test has them not, and end with the test.
// What they wrote to their logs is in the output of a test that failed. The methods are
// for the test's own goroutine, and end the test where they cannot do what they say.
package natstest

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sealpost/services/server/stream"
)

// Options are those of a cluster.
type Options struct {
	Nodes int      // 0: three; fewer are no cluster
	Dirs  []string // one for each node, "": a directory that goes with the test

	Program string     // that the nodes run; "": the server that go.mod names
	Env     [][]string // for each node, settings of its environment besides the test's own

	Log, Register string // the only streams that users have rights to, "": all

	// Route returns where one node is to reach another, in the place of its address: a way
	// that can be cut. It is asked at each start of a node. Nil: they reach each other directly.
	Route func(from, to int, address string) string
}

// Cluster is nodes that know of each other.
type Cluster struct {
	Nodes []*Node

	t        testing.TB
	accounts stream.Accounts
	route    func(from, to int, address string) string
	system   *nats.Conn // sees the nodes
	admin    *nats.Conn // may do all to the streams
	js       jetstream.JetStream
}

// patience is for what takes seconds at most where nothing is wrong.
const patience = time.Minute

// Start starts a cluster, and returns when its nodes take streams.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	c := &Cluster{t: t, accounts: o.accounts(), route: o.Route}
	for i := range o.Nodes {
		c.Nodes = append(c.Nodes, c.node(i, o))
	}
	t.Cleanup(c.end)
	program := o.Program
	if program == "" {
		program = build(t)
	}
	for tries := 1; ; tries++ {
		err := c.launch(program)
		if err == nil {
			break
		}
		if !errors.Is(err, errPortTaken) || tries == 5 {
			t.Fatal(err)
		}
	}
	c.connect()
	c.AwaitNodes()
	return c
}

func (c *Cluster) node(i int, o Options) *Node {
	n := &Node{Name: fmt.Sprintf("n%d", i+1), cluster: c}
	if i < len(o.Dirs) {
		n.Dir = o.Dirs[i]
	}
	if n.Dir == "" {
		n.Dir = filepath.Join(c.t.TempDir(), n.Name)
	}
	if i < len(o.Env) {
		n.env = o.Env[i]
	}
	return n
}

// launch starts all nodes at free ports. Where another program takes one meanwhile the
// error is errPortTaken, and no node runs.
func (c *Cluster) launch(program string) error {
	ports, err := freePorts(2 * len(c.Nodes))
	if err != nil {
		return err
	}
	for i, n := range c.Nodes {
		n.program, n.port, n.routePort = program, ports[2*i], ports[2*i+1]
	}
	for _, n := range c.Nodes {
		if err := n.launch(); err != nil {
			c.kill()
			return err
		}
	}
	return nil
}

func (c *Cluster) connect() {
	c.t.Helper()
	c.system, c.admin = c.open(stream.SystemUser), c.open(stream.AdminUser)
	js, err := jetstream.New(c.admin)
	if err != nil {
		c.t.Fatal(err)
	}
	c.js = js
}

// open connects a user, who stays connected whichever node runs.
func (c *Cluster) open(user string) *nats.Conn {
	c.t.Helper()
	conn, err := nats.Connect(strings.Join(c.URLs(), ","), nats.UserInfo(user, Password),
		nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(500*time.Millisecond), nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(conn.Close)
	return conn
}

// end kills the nodes, and shows the logs of a test that failed.
func (c *Cluster) end() {
	c.kill()
	if !c.t.Failed() {
		return
	}
	for _, n := range c.Nodes {
		c.t.Logf("the end of the log of %s:\n%s", n.Name, n.logTail())
	}
}

func (c *Cluster) kill() {
	for _, n := range c.Nodes {
		n.kill()
	}
}

// URLs are those of all nodes.
func (c *Cluster) URLs() []string {
	urls := make([]string, len(c.Nodes))
	for i, n := range c.Nodes {
		urls[i] = n.URL()
	}
	return urls
}

// Create makes a stream. For seconds after a node started the others may take it for
// lost, and refuse.
func (c *Cluster) Create(name string, settings stream.Settings) {
	c.t.Helper()
	c.until("creating "+name, func() error { return stream.Create(c.t.Context(), c.Admin(name), settings) })
}

// CreateRegister makes the stream of a register.
func (c *Cluster) CreateRegister(name string) {
	c.t.Helper()
	c.until("creating "+name, func() error { return stream.CreateRegister(c.t.Context(), c.Admin(name), 0) })
}

// Config is a server's way to a stream: that of a user who may publish, read and purge,
// and have a leader step down.
func (c *Cluster) Config(name string) stream.Config {
	return stream.Config{URLs: c.URLs(), Name: name, User: stream.ServerUser, Password: Password, Client: c.t.Name()}
}

// Admin is the way of a user who may do all to streams.
func (c *Cluster) Admin(name string) stream.Config {
	config := c.Config(name)
	config.User = stream.AdminUser
	return config
}

// In has the methods end a subtest in place of the test that started the cluster.
func (c *Cluster) In(t testing.TB) {
	before := c.t
	c.t = t
	t.Cleanup(func() { c.t = before })
}

// JetStream is what only tests do to streams, as the user of Admin.
func (c *Cluster) JetStream() jetstream.JetStream { return c.js }
