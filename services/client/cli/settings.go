package cli

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/shared/bounded"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
	"sealpost/shared/ignore"
	"sealpost/shared/logging"
	"sealpost/shared/message"
	"sealpost/shared/progress"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

const (
	prefix       = "CLIENT"
	wireSealpost = "sealpost"
	wire2012     = "2012"
	maxCA        = 4 << 20 // bytes of a CA file; a whole system's has some 200 KB
)

// Settings holds the client's settings.
type Settings struct {
	Server settings.Address `default:"localhost:7513" port:"7513" required:"true"`
	Wire   string           `default:"sealpost" oneof:"sealpost,2012"`
	Token  settings.Secret  `form:"word"`
	// The identity is not a secret; what was put there by mistake may be one.
	ServerIdentity settings.Secret `form:"list"`
	ServerCAFile   string          `envconfig:"SERVER_CA_FILE"`
	ServerName     string          // in the certificate; empty: the host of CLIENT_SERVER
	Password       settings.Secret
	Timeout        time.Duration `default:"1m" min:"0s"` // 0: none
	OutboxYield    time.Duration `default:"0s" min:"0s"`
	OutboxSettle   time.Duration `default:"2s" min:"0s"`
	SentKeep       time.Duration `default:"0s" min:"0s"` // after the end of a day in sent/; 0: for ever

	ignore.Setting
	logging.Settings

	parsedToken token.Token
	pins        identity.Pins
	tls         *tls.Config
}

// Check reports settings that do not go together, and reads those with a form
// of their own.
func (s *Settings) Check() []settings.Problem {
	if s.Wire == wire2012 {
		return nil
	}
	var problems []settings.Problem
	bad := func(name, rule string) {
		problems = append(problems, settings.Problem{Name: prefix + "_" + name, Rule: rule})
	}
	var err error
	if s.Token == "" {
		bad("TOKEN", "must be set: the sender's token")
	} else if s.parsedToken, err = token.Parse(s.Token.Reveal()); err != nil {
		bad("TOKEN", err.Error())
	}
	if s.pins, err = parsePins(s.ServerIdentity); err != nil {
		bad("SERVER_IDENTITY", err.Error())
		return problems
	}
	if s.ServerCAFile == "" {
		s.tls = s.pins.ClientTLS()
		if s.ServerName != "" {
			bad("SERVER_NAME", "goes with CLIENT_SERVER_CA_FILE: the identity is checked without a name")
		}
	} else if s.tls, err = s.tlsWithCA(); err != nil {
		bad("SERVER_CA_FILE", err.Error())
	}
	return problems
}

func parsePins(text settings.Secret) (identity.Pins, error) {
	if text == "" {
		return nil, errors.New("must be set: the server's identity, which checks connection and receipts")
	}
	return identity.ParsePins(text.Reveal())
}

// tlsWithCA checks the connection with the operator's certificate; the receipts
// are checked with the identity all the same.
func (s *Settings) tlsWithCA() (*tls.Config, error) {
	text, err := bounded.ReadFile(s.ServerCAFile, maxCA)
	if err != nil {
		return nil, err
	}
	if mark := settings.ByteOrderMark(string(text)); mark != "" {
		return nil, errors.New(mark)
	}
	name := s.ServerName
	if name == "" {
		if name, _, err = net.SplitHostPort(string(s.Server)); err != nil {
			return nil, err
		}
	}
	return identity.ClientTLSWithCA(text, cmp.Or(name, "localhost"))
}

// runner is one run of the program after its start.
type runner struct {
	options
	voice.Streams
	settings Settings
	screen   *progress.Screen // Err
	log      zerolog.Logger
	carrier  carrier
}

// begin reads the settings, checks them against the options and logs them.
func begin(opts options, std voice.Streams) (*runner, error) {
	r := &runner{options: opts, Streams: std, screen: progress.NewScreen(std.Err)}
	r.Err = r.screen
	warnings, err := settings.Load(prefix, &r.settings)
	if err != nil {
		speak.Remark(std.Err, warnings) // a misspelt name may be the reason
		return nil, err
	}
	if opts.quiet {
		r.settings.LogLevel = "error"
	}
	if r.log, err = logging.New(r.screen, r.settings.LogLevel, r.settings.LogFormat); err != nil {
		return nil, err
	}
	if opts.hasPassword {
		r.settings.Password = settings.Secret(opts.password)
	}
	if err := r.check2012(); err != nil {
		return nil, err
	}
	if err := r.checkReceipt(opts.id); err != nil {
		return nil, err
	}
	r.logSettings(warnings)
	if r.settings.Wire == wireSealpost {
		r.carrier = r.connect()
	}
	return r, nil
}

func (r *runner) check2012() error {
	if r.settings.Wire != wire2012 {
		return nil
	}
	switch {
	case r.outbox != "":
		return badUsage("CLIENT_WIRE=2012 has no receipts, so it sends one file and no outbox")
	case len(r.files) > 0:
		return badUsage("CLIENT_WIRE=2012 has no receipts, so it sends one file, without -files")
	case r.id != message.ID{}, r.name != "", r.receipt != "":
		return badUsage("CLIENT_WIRE=2012 carries neither id nor name and brings no receipt: " +
			"leave -id, -name and -receipt out")
	case r.settings.Password == "":
		return badUsage("CLIENT_WIRE=2012 needs a password: client FILE PASSWORD")
	}
	return nil
}

func (r *runner) logSettings(warnings []string) {
	level := zerolog.DebugLevel
	if r.outbox != "" { // it runs as a service
		level = zerolog.InfoLevel
	}
	settings.Announce(r.log, level, prefix, &r.settings, warnings,
		map[string]string{prefix + "_SERVER_IDENTITY": r.settings.pins.String()})
}

func (r *runner) connect() carrier {
	timeout := r.settings.Timeout
	if r.watch {
		timeout = 0
	}
	return courier.New(courier.Config{
		Server: string(r.settings.Server), TLS: r.settings.tls, Token: r.settings.parsedToken,
		Pins: r.settings.pins, Timeout: timeout, Contact: r.contact, Log: r.log,
	})
}

// contact logs when the server cannot be reached, when the reason changes, and
// when it is reached again, with how many messages of the outbox wait.
func (r *runner) contact(reason string) {
	event, text := r.log.Info(), "the server is reached again"
	if reason != "" {
		event, text = r.log.Warn().Str("reason", reason), "the server cannot be reached, trying again"
	}
	if r.outbox != "" {
		if n, err := r.waiting(); err == nil {
			event = event.Int("waiting", n)
		}
	}
	event.Str("server", message.Visible(string(r.settings.Server))).Msg(text)
}

func (r *runner) close() {
	if r.carrier != nil {
		_ = r.carrier.Close() // everything that matters was answered
	}
}

// key returns the key of the message password, nil where there is none.
func (r *runner) key() *cipher2012.Key {
	if r.settings.Password == "" {
		return nil
	}
	key := cipher2012.DeriveKey(r.settings.Password.Reveal())
	return &key
}
