package hook_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sealpost/services/driver/hook"
)

// posted is what a server got.
type posted struct {
	header http.Header
	method string
	size   int64
	body   string
}

// receive starts a server that answers as answer does, and a hook that posts to it.
func receive(t *testing.T, answer http.HandlerFunc) (*hook.Post, <-chan posted) {
	t.Helper()
	got := make(chan posted, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			got <- posted{r.Header.Clone(), r.Method, r.ContentLength, string(body)}
		}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return post(t, strings.Replace(s.URL, "//", "//who:secret@", 1)+"/m?key=hidden", time.Minute), got
}

func post(t *testing.T, url string, limit time.Duration) *hook.Post {
	t.Helper()
	p, err := hook.NewPost(url, limit)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// TestPost: the message as a CloudEvent, byte for byte.
func TestPost(t *testing.T) {
	p, got := receive(t, status(http.StatusNoContent))
	for _, test := range []struct{ name, subject, text, kind string }{
		{"a b.txt", "a%20b.txt", "text ü", "text/plain; charset=utf-8"},
		{`50% "ü€"/x~`, "50%25%20%22%C3%BC%E2%82%AC%22/x~", "\xff", "application/octet-stream"},
		{"zero", "zero", "a\x00b", "application/octet-stream"},
		{"empty", "empty", "", "text/plain; charset=utf-8"},
		{"", "", "no name", "text/plain; charset=utf-8"},
		{"long", "long", strings.Repeat("x", 32<<10-1) + strings.Repeat("ü", 40<<10), "text/plain; charset=utf-8"},
		{"cut", "cut", strings.Repeat("x", 32<<10-1) + "\xc3", "application/octet-stream"},
	} {
		if err := p.Hand(t.Context(), told(t, test.name, test.text)); err != nil {
			t.Errorf("%q: %v", test.name, err)
			continue
		}
		g := <-got
		if g.method != http.MethodPost || g.body != test.text || g.size != int64(len(test.text)) {
			t.Errorf("%q: %s of %d bytes, %d announced", test.name, g.method, len(g.body), g.size)
		}
		sum := fmt.Sprint(told(t, test.name, test.text).Entry.SHA256)
		for name, want := range map[string]string{
			"Content-Type": test.kind, "ce-specversion": "1.0", "ce-type": "sealpost.message", "ce-source": "/sealpost",
			"ce-id": "store-17/00112233445566778899aabbccddeeff", "ce-time": "2012-07-22T20:44:41.000000005Z",
			"ce-subject": test.subject, "ce-number": "7", "ce-sha256": sum, "Authorization": "Basic d2hvOnNlY3JldA==",
		} {
			if got := g.header.Get(name); got != want {
				t.Errorf("%q: %s is %q, want %q", test.name, name, got, want)
			}
		}
	}
}

// TestPostRefused: everything but 2xx, and no word of the address's secrets.
func TestPostRefused(t *testing.T) {
	for _, code := range []int{300, 302, 307, 308, 400, 429, 500, 503} {
		p, got := receive(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "why\r\n\x1b"+strings.Repeat("x", 1<<20))
		})
		err := p.Hand(t.Context(), told(t, "a", "text"))
		var failed *hook.FailedError
		if !errors.As(err, &failed) || len(failed.Said) > 250 || len(got) != 1 {
			t.Errorf("%d: %v, asked %d times", code, err, len(got))
		}
		var wrong *hook.StatusError
		if errors.As(err, &wrong) && (wrong.Status != code || !strings.HasPrefix(failed.Said, `why\x0d\x0a\x1bxx`)) {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestPostToNobody(t *testing.T) {
	s := httptest.NewServer(status(http.StatusOK))
	s.Close()
	p := post(t, strings.Replace(s.URL, "//", "//who:secret@", 1)+"/m?key=hidden", time.Minute)
	err := p.Hand(t.Context(), told(t, "a", "text"))
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "hidden") {
		t.Errorf("%v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	for _, test := range []struct {
		code     int
		after    string
		min, max time.Duration
	}{
		{429, "17", 17 * time.Second, 17 * time.Second},
		{503, "0", 0, 0},
		{503, time.Now().Add(2 * time.Hour).UTC().Format(http.TimeFormat), time.Hour, 2 * time.Hour},
		{503, "Mon, 02 Jan 2006 15:04:05 GMT", 0, 0},
		{503, "-5", 0, 0},
		{503, "99999999999999999999", 0, 0},
		{500, "17", 0, 0},
	} {
		p, _ := receive(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", test.after)
			w.WriteHeader(test.code)
		})
		var failed *hook.FailedError
		if err := p.Hand(t.Context(), told(t, "a", "text")); !errors.As(err, &failed) ||
			failed.After < test.min || failed.After > test.max {
			t.Errorf("%d, %q: %+v", test.code, test.after, failed)
		}
	}
}

// TestPostTooLong: neither a server that never answers nor one whose answer has no end
// is waited for; the end of the program is told from that.
func TestPostTooLong(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer s.Close()
	if err := post(t, s.URL, 50*time.Millisecond).Hand(t.Context(), told(t, "a", "")); !errors.Is(err, hook.ErrTimeout) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := post(t, s.URL, time.Minute).Hand(ctx, told(t, "a", ""))
	if errors.As(err, new(*hook.FailedError)) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	endless, _ := receive(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("x", 64<<10)); err != nil {
				return
			}
		}
	})
	if err := endless.Hand(t.Context(), told(t, "a", "")); !errors.As(err, new(*hook.StatusError)) {
		t.Errorf("%v", err)
	}
}

func TestCheckURL(t *testing.T) {
	for _, text := range []string{"http://a", "https://who:secret@a:8080/b?c=d"} {
		if err := hook.CheckURL(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		"", "a", "//a/b", "file:///etc/passwd", "ftp://a", "http://", "http:a", "http://a:secret@b:x/",
	} {
		if err := hook.CheckURL(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
