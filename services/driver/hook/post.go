package hook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sealpost/shared/message"
)

// Post is an address that gets each message by POST, as a CloudEvent. It has been
// taken by any answer 2xx.
type Post struct {
	url    *url.URL
	limit  time.Duration
	client *http.Client
}

// errURL is the rule for addresses.
var errURL = errors.New("must be a URL such as https://example.org/messages")

// CheckURL returns an error unless the text is an address to post to. The error does
// not repeat it: it may hold a password.
func CheckURL(text string) error {
	_, err := parseURL(text)
	return err
}

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errURL
	}
	return u, nil
}

// NewPost returns a hook for an address, with a time limit for one message.
func NewPost(address string, limit time.Duration) (*Post, error) {
	u, err := parseURL(address)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = mostAnswer
	transport.DisableCompression = true // an answer has the size that it has
	return &Post{url: u, limit: limit, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// NeedsFile is false: the message is sent from the log file.
func (p *Post) NeedsFile() bool { return false }

// mostAnswer bounds what is read of an answer's headers, and of its body.
const mostAnswer = 64 << 10

// StatusError is an answer that is not 2xx.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("answered with status %d", e.Status)
}

// Hand posts the message.
func (p *Post) Hand(ctx context.Context, m Message) error {
	failed := &FailedError{Hook: message.Visible(p.url.Host)}
	failed.Cause = within(ctx, p.limit, func(ctx context.Context) error { return p.post(ctx, m, failed) })
	switch {
	case failed.Cause == nil:
		return nil
	case ctx.Err() != nil:
		return failed.Cause
	}
	return failed
}

func (p *Post) post(ctx context.Context, m Message, failed *FailedError) error {
	// The body is a reader that the client does not know, so that it takes the size
	// from us, and closes nothing that is ours.
	body := io.NewSectionReader(m.Body, 0, m.Body.Size())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url.String(), io.NopCloser(body))
	if err != nil {
		return bare(err)
	}
	if request.ContentLength = body.Size(); body.Size() == 0 {
		request.Body = http.NoBody
	}
	request.Header.Set("User-Agent", "sealpost-driver")
	if err := describe(request.Header, m); err != nil {
		return err
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return bare(err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, mostAnswer)) // the status decides
	if answer.StatusCode/100 == 2 {
		return nil
	}
	failed.Said = message.Visible(string(said[:min(len(said), mostSaid)]))
	failed.After = retryAfter(answer, time.Now())
	return &StatusError{answer.StatusCode}
}

// mostSaid is how many bytes of an answer are shown.
const mostSaid = 200

// bare leaves the address out of an error: it may hold a secret.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// retryAfter is how long a busy server asks to be left alone: RFC 9110, section
// 10.2.3, seconds or a date.
func retryAfter(answer *http.Response, now time.Time) time.Duration {
	if answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	text := answer.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
