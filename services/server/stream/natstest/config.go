package natstest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"

	"sealpost/services/server/stream"
)

// Password is that of all users.
const Password = "loopback only"

const account = stream.Account

// config is the text of the node's configuration.
func (n *Node) config() string {
	var routes []string
	for _, other := range n.cluster.Nodes {
		if other != n {
			routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", other.routePort))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "server_name: %s\nlisten: \"127.0.0.1:%d\"\n", n.Name, n.port)
	fmt.Fprintf(&b, "jetstream { store_dir: %q, sync_interval: %s\n", n.storeDir(), n.syncInterval())
	fmt.Fprintf(&b, "  max_memory_store: 256MB, max_file_store: 4GB }\n")
	fmt.Fprintf(&b, "cluster { name: test, listen: \"127.0.0.1:%d\", routes: [%s] }\n",
		n.routePort, strings.Join(routes, ", "))
	b.WriteString("max_payload: 2MB\n")
	b.WriteString(n.cluster.accounts.String())
	return b.String()
}

// accounts are those of the options.
func (o Options) accounts() stream.Accounts {
	password := stream.Quoted(Password)
	return stream.Accounts{
		Log: cmp.Or(o.Log, "*"), Register: cmp.Or(o.Register, "*"),
		Server: password, Admin: password, System: password,
	}
}

func (n *Node) syncInterval() string {
	if n.Lax {
		return "2m"
	}
	return "always"
}

// writeConfig writes the configuration where the node reads it.
func (n *Node) writeConfig() error {
	if err := os.MkdirAll(n.Dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(n.path("node.conf"), []byte(n.config()), 0o600)
}

func (n *Node) path(name string) string { return filepath.Join(n.Dir, name) }
func (n *Node) storeDir() string        { return n.path("store") }

// URL is where clients reach the node.
func (n *Node) URL() string { return fmt.Sprintf("nats://127.0.0.1:%d", n.port) }

var errPortTaken = errors.New("another program took the port")

// freePorts returns ports that nobody listens at. They lie below those that the system
// gives to connections, which would come in the way of a node that starts again.
func freePorts(count int) ([]int, error) {
	var ports []int
	for tries := 0; len(ports) < count && tries < 1000; tries++ {
		port := 10000 + rand.IntN(20000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close() // all are held until they are known: no two are the same
		ports = append(ports, port)
	}
	if len(ports) < count {
		return nil, errPortTaken
	}
	return ports, nil
}
