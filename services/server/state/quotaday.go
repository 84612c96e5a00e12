package state

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"sealpost/services/server/quota"
)

// QuotaDay returns the day of the quotas that was kept last, zero if there is none. It
// is in the file quota_day: the logbook's id, the date, the number of the day's first
// message. What is there of another logbook counts for nothing, nor does a damaged file:
// the day begins anew then.
func (s *State) QuotaDay() (quota.Day, error) {
	text, err := s.read(quotaDayFile, maxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return quota.Day{}, nil
	}
	if err != nil {
		return quota.Day{}, fmt.Errorf("state: %w", err)
	}
	fields := strings.Split(strings.TrimSuffix(string(text), "\n"), " ")
	if len(fields) != 3 || fields[0] != s.LogbookID() {
		return quota.Day{}, nil
	}
	date, notDate := time.Parse(time.DateOnly, fields[1])
	first, notNumber := strconv.ParseUint(fields[2], 10, 64)
	if notDate != nil || notNumber != nil {
		return quota.Day{}, nil
	}
	return quota.Day{Date: date, First: first}, nil
}

// SetQuotaDay keeps the day of the quotas.
func (s *State) SetQuotaDay(d quota.Day) error {
	text := fmt.Appendf(nil, "%s %s %d\n", s.LogbookID(), d.Date.Format(time.DateOnly), d.First)
	if err := s.write(quotaDayFile, text); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}
