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

// ErrQuotaDayFile means that the file of the quotas' day cannot be read.
var ErrQuotaDayFile = errors.New("not a logbook id, a date and a number")

// QuotaDay returns the day of the quotas that was kept last, zero if there is none. It
// is in the file quota_day: the logbook's id, the date, the number of the day's first
// message. What is there of another logbook counts for nothing.
func (s *State) QuotaDay() (quota.Day, error) {
	text, err := s.read(quotaDayFile, maxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return quota.Day{}, nil
	}
	if err != nil {
		return quota.Day{}, fmt.Errorf("state: %w", err)
	}
	day, id, err := parseQuotaDay(string(text))
	switch {
	case err != nil:
		return quota.Day{}, fmt.Errorf("state: %s: %w", quotaDayFile, err)
	case id != s.LogbookID():
		return quota.Day{}, nil
	}
	return day, nil
}

func parseQuotaDay(text string) (day quota.Day, id string, err error) {
	fields := strings.Split(strings.TrimSuffix(text, "\n"), " ")
	if len(fields) != 3 || !validLogbookID(fields[0]) {
		return quota.Day{}, "", ErrQuotaDayFile
	}
	date, err := time.Parse(time.DateOnly, fields[1])
	if err != nil {
		return quota.Day{}, "", ErrQuotaDayFile
	}
	first, err := strconv.ParseUint(fields[2], 10, 64)
	if err != nil {
		return quota.Day{}, "", ErrQuotaDayFile
	}
	return quota.Day{Date: date, First: first}, fields[0], nil
}

// SetQuotaDay keeps the day of the quotas.
func (s *State) SetQuotaDay(d quota.Day) error {
	text := fmt.Appendf(nil, "%s %s %d\n", s.LogbookID(), d.Date.Format(time.DateOnly), d.First)
	if err := s.write(quotaDayFile, text); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}
