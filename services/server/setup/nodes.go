package setup

import (
	"fmt"
	"path/filepath"
	"strings"

	"sealpost/services/server/cluster"
	"sealpost/services/server/stream"
	"sealpost/shared/settings"
)

// node makes the volumes of a NATS node, and fills the one with what it knows.
func (r *run) node(name string, by *authority, known passwords) error {
	dir := filepath.Join(r.ClusterDir, "nodes", name)
	if _, err := r.volume(filepath.Join(dir, "store"), 0o700, r.Owner); err != nil {
		return err
	}
	secrets, err := r.volume(filepath.Join(dir, "secrets"), 0o700, r.Owner)
	if err != nil {
		return err
	}
	if err := r.nodeCertificate(secrets, name, by); err != nil {
		return err
	}
	if err := put(secrets, nodeCAFile, by.pem, secretMode, r.Owner); err != nil {
		return err
	}
	config := nodeConfig{
		name: name, nodes: r.ClusterNodes, store: r.ClusterStore, route: known.route,
		accounts: stream.Accounts{
			Log: cluster.LogName(r.logbook), Register: cluster.Register,
			Server: stream.Quoted(known.server), Admin: stream.Quoted(known.admin),
		},
	}
	return put(secrets, nodeConfigFile, []byte(config.String()), secretMode, r.Owner)
}

// nodeConfig is the configuration of a node that has its secrets volume at /secrets and its
// store at /data.
type nodeConfig struct {
	name     string
	nodes    Names
	store    settings.Bytes
	route    string // password
	accounts stream.Accounts
}

// routeUser is as whom the nodes log in at each other.
const routeUser = "route"

// nodeText is the configuration, without its accounts. A node acknowledges what is on
// stable storage alone (sync_interval): a power cut of all nodes takes nothing that a
// receipt was given for. Others hear of it by its name (advertise), which is in its
// certificate, and not by its address.
const nodeText = `# Made by the set-up, and again at each of its runs.
server_name: %[1]q
listen: "0.0.0.0:4222"
client_advertise: "%[1]s:4222"
max_connections: 256
max_payload: 2MB
tls {
  cert_file: "/secrets/cert.pem"
  key_file: "/secrets/key.pem"
  min_version: "1.3"
  timeout: 5
}
jetstream {
  store_dir: "/data"
  sync_interval: always
  max_memory_store: 64MB
  max_file_store: %[2]d
}
cluster {
  name: sealpost
  listen: "0.0.0.0:6222"
  advertise: "%[1]s:6222"
  tls {
    cert_file: "/secrets/cert.pem"
    key_file: "/secrets/key.pem"
    ca_file: "/secrets/ca.pem"
    verify: true
    min_version: "1.3"
    timeout: 5
  }
  authorization { user: %[3]s, password: %[4]s, timeout: 5 }
  routes: [
%[5]s  ]
}
`

// String returns the text of the configuration.
func (c nodeConfig) String() string {
	var routes strings.Builder
	for _, other := range c.nodes {
		if other != c.name {
			fmt.Fprintf(&routes, "    \"tls://%s:%s@%s:6222\"\n", routeUser, c.route, other)
		}
	}
	return fmt.Sprintf(nodeText, c.name, uint64(c.store), routeUser, stream.Quoted(c.route), routes.String()) +
		c.accounts.String()
}
