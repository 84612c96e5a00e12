package cluster

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"sealpost/services/server/state/shared"
	"sealpost/shared/message"
	"sealpost/shared/settings"
)

// OnNATS is the kind of logbook that several servers have together.
const OnNATS = "nats"

// Membership says whether the logbook is one of several servers, and how this one reaches the
// nodes and the others.
type Membership struct {
	Logbook string `default:"local" oneof:"local,nats"`

	NATSURL       URLs            `envconfig:"NATS_URL"` // of the nodes
	NATSUser      string          `envconfig:"NATS_USER"`
	NATSPassword  settings.Secret `envconfig:"NATS_PASSWORD"`
	NATSCredsFile string          `envconfig:"NATS_CREDS_FILE"` // in place of user and password
	NATSCAFile    string          `envconfig:"NATS_CA_FILE"`    // empty: those that the system trusts

	ClusterName string          // this server's
	ClusterKey  settings.Secret `form:"list"` // seals what the servers share
	ClusterKeep time.Duration   `default:"72h" min:"1m"`
}

// InCluster reports whether the logbook is one of several servers.
func (s *Membership) InCluster() bool { return s.Logbook == OnNATS }

// CheckCluster reports settings that are missing, or do not go together.
func (s *Membership) CheckCluster() (problems []settings.Problem) {
	if !s.InCluster() {
		return nil
	}
	needed := func(name, value, what string) {
		if value == "" {
			problems = append(problems, settings.Problem{Name: name, Rule: "is needed with SERVER_LOGBOOK=nats: " + what})
		}
	}
	needed("SERVER_NATS_URL", string(s.NATSURL), "the nodes, such as tls://nats1:4222,tls://nats2:4222")
	needed("SERVER_CLUSTER_NAME", s.ClusterName, "this server's name among the others")
	needed("SERVER_CLUSTER_KEY_FILE", s.ClusterKey.Reveal(), "the key of all servers: server cluster key makes one")
	if err := CheckName(s.ClusterName); s.ClusterName != "" && err != nil {
		problems = append(problems, settings.Problem{Name: "SERVER_CLUSTER_NAME", Value: s.ClusterName, Rule: err.Error()})
	}
	if s.ClusterKey != "" {
		if _, err := shared.ParseKey(s.ClusterKey.Reveal()); err != nil {
			problems = append(problems, settings.Problem{Name: "SERVER_CLUSTER_KEY_FILE", Rule: err.Error()})
		}
	}
	if s.NATSCredsFile != "" && (s.NATSUser != "" || s.NATSPassword != "") {
		problems = append(problems, settings.Problem{Name: "SERVER_NATS_CREDS_FILE",
			Rule: "stands in the place of SERVER_NATS_USER and SERVER_NATS_PASSWORD_FILE: set one or the other"})
	}
	if (s.NATSUser == "") != (s.NATSPassword == "") {
		problems = append(problems, settings.Problem{Name: "SERVER_NATS_USER",
			Rule: "goes with SERVER_NATS_PASSWORD_FILE: set both or neither"})
	}
	return problems
}

// errName says what a name is to be.
var errName = errors.New("must have 1 to 64 letters, digits, dots, hyphens and underscores, and begin with no hyphen")

// CheckName looks at the name of a server.
func CheckName(name string) error {
	if message.CheckSender(name) != nil {
		return errName
	}
	return nil
}

// URLs are those of one node or more, with commas between them: nats://HOST:PORT, or tls://
// with TLS.
type URLs string

// mostURLs bounds a list.
const mostURLs = 16

var errURLs = errors.New("addresses of nodes with commas between them, such as tls://nats1:4222,tls://nats2:4222; " +
	"user and password have settings of their own")

// UnmarshalText reads a list.
func (u *URLs) UnmarshalText(text []byte) error {
	*u = ""
	if len(text) == 0 {
		return nil
	}
	parts := strings.Split(string(text), ",")
	if len(parts) > mostURLs {
		return errURLs
	}
	for i, part := range parts {
		parts[i] = strings.TrimSpace(part)
		at, err := url.Parse(parts[i])
		if err != nil || at.Scheme != "nats" && at.Scheme != "tls" || at.Hostname() == "" || at.User != nil ||
			at.Path != "" || at.RawQuery != "" || at.Fragment != "" {
			return errURLs
		}
	}
	*u = URLs(strings.Join(parts, ","))
	return nil
}

// List returns them one by one.
func (u URLs) List() []string {
	if u == "" {
		return nil
	}
	return strings.Split(string(u), ",")
}
