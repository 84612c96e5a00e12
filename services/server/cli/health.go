package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"sealpost/services/server/admin"
	"sealpost/services/server/daemon"
	"sealpost/shared/message"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

const (
	// healthTimeout is well above the time of a busy server's answer, and
	// below what engines wait for a health check.
	healthTimeout = 5 * time.Second
	maxReason     = 4096 // bytes
)

// notReadyError means that the server says that it is not ready, or nothing.
type notReadyError struct {
	reason string
	hint   string // what the server says that can be done
}

func (e *notReadyError) Error() string { return "not ready: " + e.reason }

// silence is the error of a server that cannot be asked.
func silence(err error) error {
	return &notReadyError{err.Error(), "is the server running? SERVER_ADMIN_LISTEN is where it is asked"}
}

type healthConfig struct {
	AdminListen settings.Address `default:"127.0.0.1:9513" required:"true"`
}

func healthcheck(ctx context.Context, args []string, std voice.Streams) error {
	if err := noArguments("healthcheck", args); err != nil {
		return err
	}
	var config healthConfig
	if _, err := settings.Load(daemon.Prefix, &config); err != nil {
		return err
	}
	target, err := dialable(string(config.AdminListen))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	if err := askReady(ctx, "http://"+target+admin.ReadyPath); err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.Out, "ready")
	return err
}

func askReady(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// Its own transport: a proxy named in the environment has no part in this.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return silence(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	reason, err := io.ReadAll(io.LimitReader(response.Body, maxReason))
	if err != nil {
		return silence(err)
	}
	text, hint, _ := strings.Cut(strings.TrimSpace(string(reason)), "\n"+admin.HintPrefix)
	return &notReadyError{message.Visible(text), message.Visible(hint)}
}

// dialable turns an address to listen on into one to connect to.
func dialable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	switch ip := net.ParseIP(host); {
	case host == "", ip.Equal(net.IPv4zero):
		host = "127.0.0.1"
	case ip.Equal(net.IPv6unspecified):
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}
