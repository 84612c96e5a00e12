package run

import (
	"net"
	"slices"
	"time"

	"sealpost/services/driver/collector"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/ignore"
	"sealpost/shared/logging"
	"sealpost/shared/settings"
)

// Prefix is that of the driver's environment variables.
const Prefix = "DRIVER"

// Settings are the driver's settings.
type Settings struct {
	FTPAddr       settings.Addresses `envconfig:"FTP_ADDR" port:"21" required:"true"`
	FTPUser       string             `envconfig:"FTP_USER" required:"true"`
	FTPPassword   settings.Secret    `envconfig:"FTP_PASSWORD" required:"true"`
	FTPTLS        string             `envconfig:"FTP_TLS" default:"explicit" oneof:"explicit,off"`
	FTPDir        string             `envconfig:"FTP_DIR"`         // of the log files; empty: where the log-in leads
	FTPCAFile     string             `envconfig:"FTP_CA_FILE"`     // empty: the system's authorities
	FTPServerName string             `envconfig:"FTP_SERVER_NAME"` // in the certificate; empty: the host of the address
	Limits

	Output
	HandOn

	Outbox  string        // read-only; empty: none to wait for and no receipts to check
	Timeout time.Duration `default:"2m" min:"0s"` // for the outbox to become empty
	// OutboxRecursive says that files in the outbox's directories are messages, too.
	OutboxRecursive bool
	// NeedReceipts makes an outbox without a receipt a failure: in the demonstration.
	NeedReceipts bool
	// Print says how much of a new log file goes to standard output.
	Print string `default:"auto" oneof:"auto,full,line,none"`
	// The identity is not a secret; what was put there by mistake may be one.
	ServerIdentity settings.Secret `form:"list"`

	ignore.Setting // names in the outbox that are not waited for
	logging.Settings

	// AdminListen is where a driver that follows tells of itself; empty: nowhere.
	AdminListen settings.Address

	pins identity.Pins
	json bool
	hint func(error) string
}

// AsJSON has each new log file, and then the summary, printed as one JSON object,
// whatever Print says.
func (s *Settings) AsJSON() { s.json = true }

// HintBy has Follow tell what can be done about an error, where it tells why it is not
// ready.
func (s *Settings) HintBy(hint func(error) string) { s.hint = hint }

// Output is where files go: all that -forget and -again need.
type Output struct {
	OutputDir string `default:"ftpreceived" required:"true"`
}

// Limits are the settings that rarely need another value.
type Limits struct {
	FTPConnections int           `envconfig:"FTP_CONNECTIONS" default:"4" min:"1" max:"64"`
	FTPTimeout     time.Duration `envconfig:"FTP_TIMEOUT" default:"30s" min:"100ms"` // for one answer, and for silence
	Poll           time.Duration `default:"10s" min:"100ms"`                         // between looks of Follow
	// Lag is for how long all of several addresses may be behind what was collected.
	Lag          time.Duration  `default:"1m" min:"0s"`
	MaxFileBytes settings.Bytes `default:"16GiB" min:"1KiB" max:"1024TiB"` // of one log file
}

// Check reports settings that do not go together, and reads the identity.
func (s *Settings) Check() []settings.Problem {
	var problems []settings.Problem
	var err error
	if s.ServerIdentity != "" {
		if s.pins, err = identity.ParsePins(s.ServerIdentity.Reveal()); err != nil {
			problems = append(problems, settings.Problem{Name: "DRIVER_SERVER_IDENTITY", Rule: err.Error()})
		}
	} else if s.Outbox != "" {
		problems = append(problems, settings.Problem{
			Name: "DRIVER_SERVER_IDENTITY",
			Rule: "must be set with DRIVER_OUTBOX: receipts are checked against it (\"server identity\" prints it)",
		})
	}
	if s.NeedReceipts && s.Outbox == "" {
		problems = append(problems, settings.Problem{Name: "DRIVER_NEED_RECEIPTS", Rule: "goes with DRIVER_OUTBOX"})
	}
	if err := collector.CheckDir(s.FTPDir); err != nil {
		problems = append(problems, settings.Problem{Name: "DRIVER_FTP_DIR", Value: s.FTPDir, Rule: err.Error()})
	}
	if slices.ContainsFunc(s.FTPAddr.List(), func(a settings.Address) bool { return host(a) == "" }) {
		problems = append(problems, settings.Problem{
			Name: "DRIVER_FTP_ADDR", Value: string(s.FTPAddr), Rule: "must name a host",
		})
	}
	return append(problems, s.HandOn.problems()...)
}

func host(a settings.Address) string {
	host, _, err := net.SplitHostPort(string(a))
	if err != nil {
		return ""
	}
	return host
}
