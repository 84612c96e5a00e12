package admin

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"sealpost/shared/message"
)

const (
	// askTimeout is well above the time of a busy program's answer, and below what
	// engines wait for a health check.
	askTimeout = 5 * time.Second
	maxReason  = 4096 // bytes
)

// NotReadyError means that a program says that it is not ready, or nothing.
type NotReadyError struct {
	Reason string
	Hint   string // what the program says that can be done
	Silent bool   // nobody answered
}

func (e *NotReadyError) Error() string { return "not ready: " + e.Reason }

// Ask asks the program that listens on an address of this machine whether it is
// ready. The error is a *NotReadyError, or about the address.
func Ask(ctx context.Context, listen string) error {
	target, err := dialable(listen)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+target+ReadyPath, nil)
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
	text, hint, _ := strings.Cut(strings.TrimSpace(string(reason)), "\n"+HintPrefix)
	return &NotReadyError{Reason: message.Visible(text), Hint: message.Visible(hint)}
}

// silence is the error of a program that cannot be asked.
func silence(err error) error { return &NotReadyError{Reason: err.Error(), Silent: true} }

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
