package cli

import (
	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/logging"
	"sealpost/shared/message"
	"sealpost/shared/progress"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// runner is one run of the program after its start.
type runner struct {
	options
	voice.Streams
	settings Settings
	screen   *progress.Screen // Err
	log      zerolog.Logger
	carrier  carrier
	reached  func(reason string) // is told what contact is; nil: nobody is
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
	cfg := courier.Config{
		Servers: r.settings.servers, Token: r.settings.parsedToken,
		Pins: r.settings.pins, Timeout: timeout, Contact: r.contact, Log: r.log,
	}
	if r.outbox != "" || len(r.files) > 0 { // of one alone its own lines tell
		cfg.Taking = r.taking
	}
	return courier.New(cfg)
}

// contact logs when the server cannot be reached, when the reason changes, and
// when it is reached again, with how many messages of the outbox wait.
func (r *runner) contact(reason string) {
	if r.reached != nil {
		r.reached(reason)
	}
	r.logServer(reason, "the server cannot be reached, trying again", "the server is reached again")
}

// taking logs when the server takes no messages for now, and when it does again.
func (r *runner) taking(reason string) {
	r.logServer(reason, "the server takes messages no more for now, trying again", "the server takes messages again")
}

func (r *runner) logServer(reason, begins, ends string) {
	event, text := r.log.Info(), ends
	if reason != "" {
		event, text = r.log.Warn().Str("reason", reason), begins
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
