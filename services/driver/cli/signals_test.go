package cli_test

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sealpost/services/driver/cli"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/signals"
	"sealpost/shared/signals/signalstest"
	"sealpost/shared/voice"
)

// TestMain makes the test binary a driver when it is called so.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"driver": func() {
		std := voice.Standard()
		os.Exit(cli.Main(signals.Context(context.Background()), os.Args[1:], std))
	}})
}

// A hang-up ends nothing and is logged; SIGTERM ends the run early. The FTP
// server never says a word.
func TestHangup(t *testing.T) {
	env(t)
	cmd := signalstest.Self(t, "driver", nil, "DRIVER_FTP_ADDR="+drivertest.Listen(t).Addr().String(),
		"DRIVER_FTP_TLS=off",
		"DRIVER_FTP_USER=u", "DRIVER_FTP_PASSWORD=p", "DRIVER_OUTPUT_DIR="+t.TempDir())
	status, log := signalstest.Run(t, cmd,
		signalstest.Step{Says: `"settings"`, Signal: syscall.SIGHUP},
		signalstest.Step{Says: "SIGHUP ignored", Signal: syscall.SIGTERM})
	if status != 1 || !strings.Contains(log, `"finished"`) {
		t.Errorf("status %d:\n%s", status, log)
	}
}
