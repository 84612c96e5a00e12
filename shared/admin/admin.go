// Package admin serves the operator's view of a program that stays over HTTP: is
// it alive, is it ready, and its metrics. Ask asks such a program.
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
	healthPath  = "/healthz" // 200 as long as the process answers
	ReadyPath   = "/readyz"  // 200, or 503 with a line of reason, and one that begins with HintPrefix
	MetricsPath = "/metrics" // the registry, in Prometheus' text format
)

// HintPrefix begins the line that says what can be done, where that is known.
const HintPrefix = "hint: "

// New returns the handler. ready says why the program cannot do its work now, or
// nil, and hint what can be done, or ""; they are called for every request and may
// be called concurrently.
func New(ready func() error, hint func(error) string, registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET "+ReadyPath, func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			text := oneLine(err.Error())
			if todo := hint(err); todo != "" {
				text += "\n" + HintPrefix + oneLine(todo)
			}
			answer(w, http.StatusServiceUnavailable, text)
			return
		}
		answer(w, http.StatusOK, "ready")
	})
	mux.Handle("GET "+MetricsPath, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // a client that is gone cannot be told
}

func oneLine(text string) string {
	return message.Visible(strings.ReplaceAll(text, "\n", "; "))
}
