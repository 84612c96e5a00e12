package courier_test

import (
	"time"

	"sealpost/services/server/daemon"
	"sealpost/shared/settings"
)

const maxMessage = 8 << 20

// config is a server's with every default that matters spelled out.
func config(dir, listen string) daemon.Config {
	return daemon.Config{
		Listen: settings.Address(listen), Listen2012: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		DataDir: dir, StateDir: dir + "/state",
		MaxMessageBytes: maxMessage, MaxStagedBytes: 1 << 30, LogCiphertextMax: 1 << 20,
		DrainTimeout: time.Minute,
	}
}
