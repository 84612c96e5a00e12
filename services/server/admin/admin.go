// Package admin serves the operator's view of the server over HTTP: is it
// alive, is it ready, and its metrics.
//
// Guaranteed: nothing here changes anything. Not guaranteed: any protection.
// Whoever reaches the address may read it, so it listens on the loopback
// interface unless told otherwise.
package admin

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sealpost/shared/message"
)

// Paths that the handler answers, to GET and HEAD.
const (
	HealthPath  = "/healthz" // 200 as long as the process answers
	ReadyPath   = "/readyz"  // 200, or 503 with one line of reason
	MetricsPath = "/metrics" // the registry, in Prometheus' text format
)

// New returns the handler. ready says why the server cannot take messages now,
// or nil; it is called for every request and may be called concurrently.
func New(ready func() error, registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+HealthPath, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET "+ReadyPath, func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			answer(w, http.StatusServiceUnavailable, oneLine(err))
			return
		}
		answer(w, http.StatusOK, "ready")
	})
	mux.Handle("GET "+MetricsPath, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

func answer(w http.ResponseWriter, status int, line string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, line) // a client that is gone cannot be told
}

func oneLine(err error) string {
	return message.Visible(strings.ReplaceAll(err.Error(), "\n", "; "))
}
