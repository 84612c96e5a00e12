package integration

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/rs/zerolog"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// node is one server container with volumes of its own.
type node struct {
	testcontainers.Container
	t     *testing.T
	token token.Token
	pins  identity.Pins
}

// startServer runs the server's image as an operator would, read-only and
// without capabilities, with a sender "store-17".
func startServer(t *testing.T) *node {
	needDocker(t)
	ctx := context.Background()
	data, state := volume(t), volume(t)
	c, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image:        "sealpost-server",
			ExposedPorts: []string{"7513/tcp", "2012/tcp"},
			Env:          map[string]string{"SERVER_2012_LISTEN": ":2012"},
			HostConfigModifier: func(h *container.HostConfig) {
				h.ReadonlyRootfs = true
				h.CapDrop = []string{"ALL"}
				h.Mounts = []mount.Mount{
					{Type: mount.TypeVolume, Source: data, Target: "/data"},
					{Type: mount.TypeVolume, Source: state, Target: "/state"},
				}
			},
			WaitingFor: wait.ForLog("server started").WithStartupTimeout(stepTimeout),
		},
		Started: true,
	})
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Container: c, t: t}
	for line := range strings.Lines(n.exec("sender", "add", "store-17")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "CLIENT_TOKEN":
			n.token, err = token.Parse(value)
		case "CLIENT_SERVER_IDENTITY":
			n.pins, err = identity.ParsePins(value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func volume(t *testing.T) string {
	t.Helper()
	name := strings.TrimSpace(docker(t, "volume", "create"))
	t.Cleanup(func() { // after the container's own clean-up, which was registered later
		if out, err := tryDocker("volume", "rm", name); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	return name
}

// exec runs the server's own program inside its container.
func (n *node) exec(args ...string) string {
	n.t.Helper()
	return docker(n.t, append([]string{"exec", n.GetContainerID(), "/server"}, args...)...)
}

// addr returns where a port is reached now; it changes with every start.
func (n *node) addr(port string) string {
	n.t.Helper()
	mapped, err := n.PortEndpoint(context.Background(), port, "")
	if err != nil {
		n.t.Fatal(err)
	}
	return mapped
}

// restart starts a server that was killed.
func (n *node) restart() {
	n.t.Helper()
	if err := n.Start(context.Background()); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) courier() *courier.Courier {
	c := courier.New(courier.Config{
		Servers: dial.One(n.addr("7513/tcp"), n.pins.ClientTLS()), Token: n.token, Pins: n.pins,
		Timeout: stepTimeout, Log: zerolog.Nop(),
	})
	n.t.Cleanup(func() { _ = c.Close() })
	return c
}

// file copies a log file out of the container.
func (n *node) file(name string) string {
	n.t.Helper()
	path := filepath.Join(n.t.TempDir(), name)
	docker(n.t, "cp", n.GetContainerID()+":/data/logs/"+name, path)
	return path
}

func text(name, content string) courier.Message {
	return courier.Message{
		ID: message.NewID(), Name: name, Cipher: message.None,
		Size: uint64(len(content)), SHA256: sha256.Sum256([]byte(content)),
		Open: func() (io.ReadSeekCloser, error) { return courier.Unclosed(strings.NewReader(content)), nil },
	}
}

// A server killed between messages, and while one is on its way, goes on with
// the next number and knows what it has.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	n := startServer(t)
	var sent []courier.Message
	var entries []logfile.Entry
	for round := range 4 {
		c := n.courier()
		m := text(fmt.Sprintf("round-%d.txt", round), fmt.Sprint("This is round ", round))
		d, err := c.Deliver(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if d.Entry.Seq != uint64(round) {
			t.Errorf("round %d got number %d", round, d.Entry.Seq)
		}
		sent, entries = append(sent, m), append(entries, d.Entry)
		n.leaveHalfAMessage(c)
		docker(t, "kill", "--signal", "KILL", n.GetContainerID())
		n.restart()
		for i, m := range sent {
			again, err := n.courier().Deliver(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			if again.Entry != entries[i] {
				t.Errorf("round %d: message %d is another now: %+v", round, i, again.Entry)
			}
		}
	}
	if out := n.exec("verify"); !strings.Contains(out, "4") {
		t.Errorf("verify: %s", out)
	}
}

// leaveHalfAMessage brings the first half of a large message into staging; the
// caller's kill comes while the server waits for the rest.
func (n *node) leaveHalfAMessage(c *courier.Courier) {
	half, more := io.Pipe()
	reached := make(chan struct{})
	m := text("half.bin", strings.Repeat("x", 4<<20))
	m.Open = func() (io.ReadSeekCloser, error) {
		return struct {
			io.ReadCloser
			io.Seeker // none: there is no offset
		}{ReadCloser: half}, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.t.Cleanup(cancel)
	go func() { _, _ = c.Deliver(ctx, m) }()
	go func() {
		_, _ = more.Write(bytes.Repeat([]byte("x"), 2<<20)) // returns once it was read
		close(reached)
	}()
	<-reached
}

// SIGTERM ends a server in order, within the time that Docker gives.
func TestServerStops(t *testing.T) {
	t.Parallel()
	n := startServer(t)
	if _, err := n.courier().Deliver(t.Context(), text("a.txt", "a")); err != nil {
		t.Fatal(err)
	}
	docker(t, "stop", "--time", "10", n.GetContainerID())
	if code := strings.TrimSpace(docker(t, "inspect", "--format", "{{.State.ExitCode}}",
		n.GetContainerID())); code != "0" {
		t.Errorf("exit status %s", code)
	}
}

// TestImages inspects what is shipped.
func TestImages(t *testing.T) {
	needDocker(t)
	for _, image := range []string{"sealpost-server", "sealpost-client", "sealpost-driver"} {
		expectLabels(t, image)
		config := docker(t, "image", "inspect", "--format", "{{.Config.User}} {{.Config.Entrypoint}} {{.Config.Env}}", image)
		if !strings.HasPrefix(config, "65532:65532 [/"+strings.TrimPrefix(image, "sealpost-")+"]") {
			t.Errorf("%s: %s", image, config)
		}
		if out, err := tryDocker("run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", image, "-c",
			"true"); err == nil {
			t.Errorf("%s has a shell: %s", image, out)
		}
	}
}

// expectLabels: an image says by OCI's labels what it is and, as its program does, of
// which version.
func expectLabels(t *testing.T, image string) {
	t.Helper()
	label := func(name string) string {
		return strings.TrimSpace(docker(t, "image", "inspect", "--format",
			fmt.Sprintf(`{{index .Config.Labels "org.opencontainers.image.%s"}}`, name), image))
	}
	if label("title") != image || label("licenses") != "MIT" || label("description") == "" {
		t.Errorf("%s: title %q, licence %q, description %q", image, label("title"), label("licenses"),
			label("description"))
	}
	says := docker(t, "run", "--rm", "--network", "none", image, "version")
	if want := fmt.Sprintf(" %s, revision %s, ", cmp.Or(label("version"), "(devel)"),
		cmp.Or(label("revision"), "unknown")); !strings.Contains(says, want) {
		t.Errorf("%s: the program says %q, the labels %q", image, says, want)
	}
}
