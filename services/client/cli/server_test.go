package cli_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rs/zerolog"

	"sealpost/services/server/daemon"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/settings"
)

// serverKey finds a script's server.
type serverKey struct{}

// server is the real one, in the process of the test.
type server struct {
	dir   string
	stop  context.CancelFunc
	ended chan error
}

func serverCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serverKey{}).(*server)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: server start|stop|rate N|sender NAME")
	case args[0] == "start":
		s.start(ts, args[1:])
	case args[0] == "rate" && len(args) == 2:
		s.limit(ts, args[1])
	case args[0] == "stop":
		s.stop()
		ts.Check(<-s.ended)
		s.ended = nil
	default:
		ts.Fatalf("server %s?", args[0])
	}
}

// start runs the server and sets what a client needs to know.
func (s *server) start(ts *testscript.TestScript, values []string) {
	cfg := daemon.Config{
		Listen: "127.0.0.1:0", Listen2012: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		DataDir: filepath.Join(s.dir, "data"), StateDir: filepath.Join(s.dir, "state"),
	}
	defaults(ts, &cfg)
	for _, value := range values {
		name, text, _ := strings.Cut(value, "=")
		switch name {
		case "max":
			ts.Check(cfg.MaxMessageBytes.UnmarshalText([]byte(text)))
		case "staged":
			ts.Check(cfg.MaxStagedBytes.UnmarshalText([]byte(text)))
		case "address":
			cfg.Listen = settings.Address(text)
		case "cert":
			cfg.TLSCertFile, cfg.TLSKeyFile = ts.MkAbs(text+".pem"), ts.MkAbs(text+".key")
		default:
			ts.Fatalf("server start: %s?", name)
		}
	}
	ts.Check(os.MkdirAll(cfg.DataDir, 0o755))
	s.introduce(ts)
	ctx, stop := context.WithCancel(context.Background())
	listening, ended := make(chan [2]net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, cfg, zerolog.Nop(), daemon.Options{
			OnListen: func(sealpost, wire2012, _ net.Addr) { listening <- [2]net.Addr{sealpost, wire2012} },
		})
	}()
	select {
	case err := <-ended:
		stop()
		ts.Fatalf("server: %v", err)
	case at := <-listening:
		ts.Setenv("CLIENT_SERVER", at[0].String())
		ts.Setenv("WIRE_2012", at[1].String())
	}
	s.stop, s.ended = stop, ended
	ts.Defer(func() {
		stop()
		if s.ended == ended {
			<-ended
		}
	})
}

// limit sets how many messages a second the sender may send: from the next log-in on,
// also where the server has not looked yet.
func (s *server) limit(ts *testscript.TestScript, text string) {
	rate, err := strconv.ParseFloat(text, 64)
	ts.Check(err)
	st, err := state.Open(filepath.Join(s.dir, "state"))
	ts.Check(err)
	defer st.Close()
	_, err = st.SetLimits("store-17", state.LimitsChange{Rate: &rate})
	ts.Check(err)
}

// introduce makes a sender, once, and sets its token and the pin.
func (s *server) introduce(ts *testscript.TestScript) {
	st, err := state.Open(filepath.Join(s.dir, "state"))
	ts.Check(err)
	defer st.Close()
	ts.Setenv("CLIENT_SERVER_IDENTITY", st.Identity().VerifierKey(receipt.Origin(st.LogbookID())))
	ts.Setenv("LOGBOOK", st.LogbookID())
	other, err := identity.Generate()
	ts.Check(err)
	ts.Setenv("OTHER_IDENTITY", other.VerifierKey(receipt.Origin(st.LogbookID())))
	if ts.Getenv("CLIENT_TOKEN") != "" {
		return
	}
	tok, err := st.AddSender("store-17")
	ts.Check(err)
	ts.Setenv("CLIENT_TOKEN", tok.Reveal())
}

// defaults sets what the environment would leave at its default; nothing in
// the test's own environment is read.
func defaults(ts *testscript.TestScript, cfg *daemon.Config) {
	given := *cfg
	_, err := settings.Load("CLI_TEST_SERVER_DEFAULTS", cfg)
	ts.Check(err)
	cfg.Listen, cfg.Listen2012, cfg.AdminListen = given.Listen, given.Listen2012, given.AdminListen
	cfg.DataDir, cfg.StateDir = given.DataDir, given.StateDir
}
