// Package examples holds the files in examples/ to the programs and to those who
// read them: systemd, Kubernetes.
package examples

import (
	"errors"
	"slices"
	"strings"
	"testing"

	client "sealpost/services/client/cli"
	driver "sealpost/services/driver/run"
	"sealpost/services/server/daemon"
	"sealpost/shared/settings"
)

const root = "../.."

// programs are those that an example may start, and their settings.
var programs = map[string]func() (prefix string, config any){
	"server": func() (string, any) { return daemon.Prefix, new(daemon.Config) },
	"client": func() (string, any) { return "CLIENT", new(client.Settings) },
	"driver": func() (string, any) { return driver.Prefix, new(driver.Settings) },
}

// expectSettings checks that the program knows each setting that an example gives
// it, and takes its value. Files of settings that end in _FILE are not read: they
// are where the example runs.
func expectSettings(t *testing.T, program string, env map[string]string) {
	t.Helper()
	prefix, config := programs[program]()
	known := settings.Effective(prefix, config)
	for name, value := range env {
		if !slices.ContainsFunc(known, func(s settings.Setting) bool {
			return s.Name == name || s.Name+"_FILE" == name
		}) && name != "TZ" {
			t.Errorf("the %s knows no setting %s", program, name)
		}
		if !strings.HasSuffix(name, "_FILE") {
			t.Setenv(name, value)
		}
	}
	var wrong *settings.Error
	if _, err := settings.Load(prefix, config); err != nil && !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	if wrong == nil {
		return
	}
	for _, problem := range wrong.Problems {
		if _, given := env[problem.Name]; given {
			t.Errorf("the %s does not take %s=%q: %s", program, problem.Name, problem.Value, problem.Rule)
		}
	}
}
