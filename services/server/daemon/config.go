package daemon

import (
	"fmt"
	"time"

	"sealpost/services/server/cluster"
	"sealpost/services/server/intake"
	"sealpost/services/server/logbook/local/room"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/logging"
	"sealpost/shared/settings"
)

// Prefix is that of the server's environment variables.
const Prefix = "SERVER"

// Config holds the server's settings.
type Config struct {
	Listen      settings.Address `default:":7513" required:"true"`
	Listen2012  settings.Address `envconfig:"2012_LISTEN"` // empty: off
	AdminListen settings.Address `default:"127.0.0.1:9513" required:"true"`
	DataDir     string           `default:"/data" required:"true"`
	StateDir    string           `default:"/state" required:"true"`

	TLSCertFile string `envconfig:"TLS_CERT_FILE"`
	TLSKeyFile  string `envconfig:"TLS_KEY_FILE"`

	ProxyProtocolFrom Proxies // empty: nobody is believed

	MaxMessageBytes  settings.Bytes `default:"1GiB" min:"1B" max:"1TiB"`
	MaxStagedBytes   settings.Bytes `default:"16GiB" min:"1MiB"`
	LogCiphertextMax settings.Bytes `default:"1MiB" min:"1B"`
	KeepPartsFor     time.Duration  `default:"24h" min:"0s"` // 0: none is kept
	LogLayout        string         `default:"flat" oneof:"flat,sharded"`

	WarnFreePercent int `default:"10" min:"1" max:"90"` // of the log volume

	RetainFor   time.Duration  `default:"0s" min:"0s"` // 0: for ever
	RetainBytes settings.Bytes `default:"0B" min:"0B"` // 0: whatever the volume holds

	MaxConnections           int            `default:"4096" min:"1"`
	MaxConnectionsPerAddress int            `default:"1024" min:"1"`
	MaxInFlight              int            `default:"256" min:"1" max:"65535"`
	HandshakeTimeout         time.Duration  `default:"10s" min:"100ms"`
	IdleTimeout              time.Duration  `default:"5m" min:"1s"`
	MinRate                  settings.Bytes `default:"1KiB" min:"1B"` // bytes a second
	RateGrace                time.Duration  `default:"30s" min:"1s"`
	WriteTimeout             time.Duration  `default:"30s" min:"1s"`
	CommitTimeout            time.Duration  `default:"1m" min:"1s"`
	LoginDelay               time.Duration  `default:"250ms" min:"1ms"`
	DrainTimeout             time.Duration  `default:"8s" min:"100ms"` // Docker kills after 10 s

	cluster.Membership

	logging.Settings
}

// logFileExtra is room for what a log file holds besides message and base64.
const logFileExtra = 64 << 10

// mostInCluster is of a message whose parts one entry of the replicated log can name, with its
// base64 text.
const mostInCluster = settings.Bytes(2 << 30)

// Check reports settings that do not go together.
func (c *Config) Check() []settings.Problem {
	problems := append(CheckDirs(c.DataDir, c.StateDir), c.CheckCluster()...)
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		problems = append(problems, settings.Problem{Name: "SERVER_TLS_CERT_FILE",
			Rule: "goes with SERVER_TLS_KEY_FILE: set both or neither"})
	}
	if c.InCluster() && c.MaxMessageBytes > mostInCluster {
		problems = append(problems, settings.Problem{Name: "SERVER_MAX_MESSAGE_BYTES", Value: c.MaxMessageBytes.String(),
			Rule: fmt.Sprintf("must be at most %s with SERVER_LOGBOOK=nats", mostInCluster)})
	}
	if least := c.leastStaged(); c.MaxStagedBytes < least {
		problems = append(problems, settings.Problem{Name: "SERVER_MAX_STAGED_BYTES", Value: c.MaxStagedBytes.String(),
			Rule: fmt.Sprintf("must be at least %d for a message of SERVER_MAX_MESSAGE_BYTES", least)})
	}
	if least := c.MaxMessageBytes + 2*c.LogCiphertextMax + logFileExtra; c.RetainBytes > 0 && c.RetainBytes < least {
		problems = append(problems, settings.Problem{Name: "SERVER_RETAIN_BYTES", Value: c.RetainBytes.String(),
			Rule: fmt.Sprintf("must be 0 or at least %d, or a message of SERVER_MAX_MESSAGE_BYTES would go as it comes", least)})
	}
	return problems
}

// leastStaged is the room that the largest message needs; on the 2012 wire its
// text is spooled besides.
func (c *Config) leastStaged() settings.Bytes {
	least := c.MaxMessageBytes + 2*c.LogCiphertextMax + logFileExtra
	if c.Listen2012 != "" {
		least += settings.Bytes(cipher2012.EncryptedLen(uint64(c.MaxMessageBytes))) + room.Step
	}
	return least
}

func (c *Config) limits() intake.Limits {
	return intake.Limits{
		Message:               uint64(c.MaxMessageBytes),
		Connections:           c.MaxConnections,
		ConnectionsPerAddress: c.MaxConnectionsPerAddress,
		InFlight:              c.MaxInFlight,
		Handshake:             c.HandshakeTimeout,
		Idle:                  c.IdleTimeout,
		MinRate:               uint64(c.MinRate),
		RateGrace:             c.RateGrace,
		Write:                 c.WriteTimeout,
		Commit:                c.CommitTimeout,
		LoginDelay:            c.LoginDelay,
	}
}
