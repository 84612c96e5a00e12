package replicated

import "time"

// mostSilences bounds how often the pause behind a silence doubles.
const mostSilences = 3

// afterSilence is when something is published again of which nobody has said what became of
// it, so many times in a row before. It may be lost; or the way to who leads is slow, or full of
// what was published before, and copies at an even pace would keep it so, for ever. So the pause
// doubles.
func (l *Logbook) afterSilence(before int) time.Duration {
	return l.cfg.PublishAgain << min(before, mostSilences)
}

// afterFailure is the pause behind a try that is said to have failed: as long as the log is
// between two leaders each is. It is over at the next look, and does not grow: an election takes
// up to 9 s, and what is sent then is to come soon after it.
func (l *Logbook) afterFailure() time.Duration { return l.cfg.PublishAgain / looks / 2 }
