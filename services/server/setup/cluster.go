package setup

import (
	"errors"
	"fmt"
	"path/filepath"

	"sealpost/services/server/state/shared"
	"sealpost/shared/durable"
	"sealpost/shared/settings"
)

// Cluster are the settings for several servers, and for the NATS nodes that keep their
// log. DataDir and StateDir are those of the first server; the others take what it is from
// the register. Below ClusterDir lie, each a volume:
//
//	servers/NAME/data, servers/NAME/state  those of each other server
//	secrets                                what all servers know: cluster_key, nats_password, nats_ca.pem
//	admin                                  nats_password of the user who makes the streams
//	nodes/NAME/secrets                     what a node knows: nats.conf, cert.pem, key.pem, ca.pem
//	nodes/NAME/store                       where it keeps its streams
//	authority                              what the set-up alone needs, to make the same again
type Cluster struct {
	ClusterDir     string         // empty: there is one server
	ClusterServers Names          `default:"b,c"`
	ClusterNodes   Names          `default:"nats1,nats2,nats3"`
	ClusterStore   settings.Bytes `default:"8GiB" min:"128MiB"` // that a node's streams may take
}

// File names in the volumes of a cluster.
const (
	clusterKeyFile    = "cluster_key"
	natsPasswordFile  = "nats_password"
	natsCAFile        = "nats_ca.pem"
	routePasswordFile = "route_password"
	nodeCAFile        = "ca.pem"
	nodeConfigFile    = "nats.conf"
)

// clusterVolumes are those that the servers read, and that of the set-up itself.
type clusterVolumes struct{ secrets, admin, authority *durable.Dir }

// clusterDirectories makes the volumes of all servers.
func (r *run) clusterDirectories() (err error) {
	if r.ClusterDir == "" {
		return nil
	}
	for _, name := range r.ClusterServers {
		if err := r.otherServer(filepath.Join(r.ClusterDir, "servers", name)); err != nil {
			return err
		}
	}
	for _, v := range []struct {
		dir   **durable.Dir
		name  string
		owner Owner
	}{
		{&r.shared.secrets, "secrets", r.Owner},
		{&r.shared.admin, "admin", r.Owner},
		{&r.shared.authority, "authority", r.rootOwner()},
	} {
		if *v.dir, err = r.volume(filepath.Join(r.ClusterDir, v.name), 0o700, v.owner); err != nil {
			return err
		}
	}
	return nil
}

// otherServer makes the volumes of a server whose state is in the register.
func (r *run) otherServer(dir string) error {
	data, err := r.volume(filepath.Join(dir, "data"), 0o755, r.Owner)
	if err != nil {
		return err
	}
	if err := r.logVolume(data); err != nil {
		return err
	}
	_, err = r.volume(filepath.Join(dir, "state"), 0o700, r.Owner)
	return err
}

// passwords are those of the nodes' users, and of the nodes among each other.
type passwords struct{ server, admin, route string }

// cluster fills the volumes that belong to a cluster.
func (r *run) cluster() error {
	if r.ClusterDir == "" || r.logbook == "" {
		return nil
	}
	if err := r.clusterKey(); err != nil {
		return err
	}
	known, err := r.passwords()
	if err != nil {
		return err
	}
	by, err := r.authority(r.shared.authority)
	if err != nil {
		return err
	}
	if err := put(r.shared.secrets, natsCAFile, by.pem, secretMode, r.Owner); err != nil {
		return err
	}
	for _, name := range r.ClusterNodes {
		if err := r.node(name, by, known); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) passwords() (known passwords, err error) {
	for _, p := range []struct {
		password *string
		in       *durable.Dir
		file     string
		owner    Owner
	}{
		{&known.server, r.shared.secrets, natsPasswordFile, r.Owner},
		{&known.admin, r.shared.admin, natsPasswordFile, r.Owner},
		{&known.route, r.shared.authority, routePasswordFile, r.rootOwner()},
	} {
		if *p.password, err = r.once(p.in, p.file, p.owner); err != nil {
			return known, err
		}
	}
	return known, nil
}

// ErrShared means that what is missing was shared by all servers of the cluster, and would
// be another one if it were made anew.
var ErrShared = errors.New("the servers of the cluster share it already: put it back from a backup")

// clusterKey makes the servers' common key. What they share was sealed with it, so that
// another one never takes its place.
func (r *run) clusterKey() error {
	kept, err := readSecret(r.shared.secrets, clusterKeyFile)
	if err != nil {
		return err
	}
	if kept == "" {
		if err := r.unshared(clusterKeyFile); err != nil {
			return err
		}
		made, err := shared.NewKey()
		if err != nil {
			return err
		}
		r.log.Info().Msg("key of the cluster made")
		kept = made.Reveal()
	}
	if _, err := shared.ParseKey(kept); err != nil {
		return fmt.Errorf("%s: %w", clusterKeyFile, err)
	}
	return r.keep(r.shared.secrets, clusterKeyFile, kept)
}

// unshared is an ErrShared once the first server's state is a copy of what all share.
func (r *run) unshared(what string) error {
	if r.ClusterDir == "" {
		return nil
	}
	copied, err := shared.Copied(r.vol.state)
	if err == nil && copied {
		err = fmt.Errorf("%s: %w", what, ErrShared)
	}
	return err
}

// stateIsShared reports whether the first server's state was made and is gone: it takes what
// the servers share, which another one, made anew, would keep it from.
func (r *run) stateIsShared() (bool, error) {
	if r.ClusterDir == "" {
		return false, nil
	}
	key, err := readSecret(r.shared.secrets, clusterKeyFile)
	if err != nil || key == "" {
		return false, err
	}
	entries, err := r.vol.state.ReadDir()
	return len(entries) == 0, err
}
