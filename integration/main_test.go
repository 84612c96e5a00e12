// Package integration runs the real images on a real Docker engine: the whole
// compose stack from end to end, and single containers that tests break.
package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// reaperImage removes containers of test runs that were killed. Where it cannot
// be had the tests' own clean-up has to do.
const reaperImage = "testcontainers/ryuk:0.14.0"

// dockerless is the reason why nothing here can run, "" where Docker answers.
var dockerless string

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		if os.Getenv("CI") != "" {
			fmt.Fprintln(os.Stderr, "integration: CI needs a Docker engine:", err)
			os.Exit(1)
		}
		dockerless = err.Error()
	}
	os.Exit(m.Run())
}

// prepare builds the images from the sources as they are now.
func prepare() error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	// Mapped ports are on this machine. Without this a test that itself runs in
	// a container would take its gateway for the engine's host.
	setDefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	if exec.CommandContext(ctx, "docker", "image", "inspect", reaperImage).Run() != nil {
		setDefault("TESTCONTAINERS_RYUK_DISABLED", "true")
	}
	build := exec.CommandContext(ctx, "docker", "compose", "-f", composeFile, "build", "--quiet")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("docker compose build: %w\n%s", err, out)
	}
	return nil
}

func setDefault(name, value string) {
	if os.Getenv(name) == "" {
		_ = os.Setenv(name, value)
	}
}

// needDocker skips with the reason on a developer's machine without Docker; in
// CI the run has failed before this.
func needDocker(t *testing.T) {
	t.Helper()
	if dockerless != "" {
		t.Skip("no Docker engine: ", dockerless)
	}
}
