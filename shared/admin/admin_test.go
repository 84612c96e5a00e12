package admin

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// start serves the handler with a readiness that the test can change.
func start(t *testing.T) (url string, reason *atomic.Pointer[error]) {
	t.Helper()
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "test_messages_total", Help: "Messages."})
	registry.MustRegister(counter)
	counter.Add(3)
	reason = new(atomic.Pointer[error])
	server := httptest.NewServer(New(func() error {
		if err := reason.Load(); err != nil {
			return *err
		}
		return nil
	}, func(err error) string {
		if err.Error() == "full" {
			return "make\nroom"
		}
		return ""
	}, registry))
	t.Cleanup(server.Close)
	return server.URL, reason
}

func ask(t *testing.T, method, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestReadiness(t *testing.T) {
	url, reason := start(t)
	for _, c := range []struct {
		err    error
		status int
		body   string
	}{
		{nil, 200, "ready\n"},
		{errors.New("no space left"), 503, "no space left\n"},
		{errors.New("full"), 503, "full\nhint: make; room\n"},
		{errors.New("two\nlines\x1b[31m"), 503, "two; lines\\x1b[31m\n"},
		{nil, 200, "ready\n"},
	} {
		reason.Store(nil)
		if c.err != nil {
			reason.Store(&c.err)
		}
		if status, body := ask(t, http.MethodGet, url+ReadyPath); status != c.status || body != c.body {
			t.Errorf("%v: %d %q, want %d %q", c.err, status, body, c.status, c.body)
		}
		if status, _ := ask(t, http.MethodGet, url+healthPath); status != 200 {
			t.Errorf("%v: %s says %d", c.err, healthPath, status)
		}
	}
}

func TestMetrics(t *testing.T) {
	url, _ := start(t)
	status, body := ask(t, http.MethodGet, url+MetricsPath)
	if status != 200 || !strings.Contains(body, "\ntest_messages_total 3\n") {
		t.Errorf("%d %q", status, body)
	}
}

func TestOtherRequests(t *testing.T) {
	url, _ := start(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodHead, ReadyPath, 200}, {http.MethodPost, ReadyPath, 405}, {http.MethodDelete, MetricsPath, 405},
		{http.MethodGet, "/", 404}, {http.MethodGet, "/readyz/x", 404},
	} {
		if status, _ := ask(t, c.method, url+c.path); status != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, status, c.status)
		}
	}
}
