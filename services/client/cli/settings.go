package cli

import (
	"cmp"
	"crypto/tls"
	"errors"
	"time"

	"sealpost/services/client/dial"
	"sealpost/shared/bounded"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
	"sealpost/shared/ignore"
	"sealpost/shared/logging"
	"sealpost/shared/settings"
)

const (
	prefix       = "CLIENT"
	wireSealpost = "sealpost"
	wire2012     = "2012"
	maxCA        = 4 << 20 // bytes of a CA file; a whole system's has some 200 KB
)

// Settings holds the client's settings.
type Settings struct {
	Server settings.Addresses `default:"localhost:7513" port:"7513" required:"true"`
	Wire   string             `default:"sealpost" oneof:"sealpost,2012"`
	Token  settings.Secret    `form:"word"`
	// The identity is not a secret; what was put there by mistake may be one.
	ServerIdentity settings.Secret `form:"list"`
	ServerCAFile   string          `envconfig:"SERVER_CA_FILE"`
	ServerName     string          // in the certificates; empty: each server's host
	Password       settings.Secret
	Timeout        time.Duration `default:"1m" min:"0s"` // 0: none
	OutboxYield    time.Duration `default:"0s" min:"0s"`
	OutboxSettle   time.Duration `default:"2s" min:"0s"`
	// OutboxRecursive has files in the outbox's directories sent, too.
	OutboxRecursive bool
	SentKeep        time.Duration `default:"0s" min:"0s"` // after the end of a day in sent/; 0: for ever
	// AdminListen is where a client tells of itself that watches; empty: nowhere.
	AdminListen settings.Address

	ignore.Setting
	logging.Settings

	parsedToken token.Token
	pins        identity.Pins
	servers     []dial.Server
}

// Check reports settings that do not go together, and reads those with a form
// of their own.
func (s *Settings) Check() []settings.Problem {
	if s.Wire == wire2012 {
		s.servers = dial.List(s.Server.List(), func(string) *tls.Config { return nil })
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
		s.servers = dial.List(s.Server.List(), func(string) *tls.Config { return s.pins.ClientTLS() })
		if s.ServerName != "" {
			bad("SERVER_NAME", "goes with CLIENT_SERVER_CA_FILE: the identity is checked without a name")
		}
	} else if err = s.useCA(); err != nil {
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

// useCA has connections checked with the operator's certificate; the receipts
// are checked with the identity all the same.
func (s *Settings) useCA() error {
	text, err := bounded.ReadFile(s.ServerCAFile, maxCA)
	if err != nil {
		return err
	}
	if mark := settings.ByteOrderMark(string(text)); mark != "" {
		return errors.New(mark)
	}
	config, err := identity.ClientTLSWithCA(text, s.ServerName)
	if err != nil {
		return err
	}
	s.servers = dial.List(s.Server.List(), func(host string) *tls.Config {
		config := config.Clone()
		config.ServerName = cmp.Or(s.ServerName, host, "localhost")
		return config
	})
	return nil
}
