package framing

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The reason of CodeOverQuota begins with how long the client is to wait, in whole
// seconds: "retry-after=3600; " and then the text for people. A span needs no clocks
// that agree, and a client that knows nothing of it shows it as it is.
const (
	retryAfter    = "retry-after="
	retryAfterEnd = "; "
	mostDigits    = 10
)

// RetryReason makes the reason of CodeOverQuota; a part of a second counts as a whole.
func RetryReason(after time.Duration, text string) string {
	seconds := (max(after, 0) + time.Second - 1) / time.Second
	return fmt.Sprintf("%s%d%s%s", retryAfter, seconds, retryAfterEnd, text)
}

// RetryAfter returns how long the client is to wait, and the text for people. Without
// such a span, or with another code, after is 0 and text the whole reason.
func (r Refusal) RetryAfter() (after time.Duration, text string) {
	rest, found := strings.CutPrefix(r.Reason, retryAfter)
	digits, text, ended := strings.Cut(rest, retryAfterEnd)
	seconds, err := strconv.ParseUint(digits, 10, 32)
	if r.Code != CodeOverQuota || !found || !ended || len(digits) > mostDigits || err != nil {
		return 0, r.Reason
	}
	return time.Duration(seconds) * time.Second, text
}
