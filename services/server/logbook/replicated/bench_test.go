package replicated

import (
	"fmt"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/stream/natstest"
)

// BenchmarkRate keeps messages of 1 KiB on three nodes with so many under way, beside a
// publisher that sends as large entries to the same nodes and waits for their
// acknowledgements alone.
func BenchmarkRate(b *testing.B) {
	nodes := natstest.Start(b, natstest.Options{})
	for _, window := range []int{256, 1024} {
		b.Run(fmt.Sprintf("publisher/%d", window), func(b *testing.B) {
			log := streamLog(b, nodes, fmt.Sprintf("PUBLISHER_%d_%d", window, b.N), "a")()
			data, under := make([]byte, 1500), make(chan struct{}, window)
			for b.Loop() {
				under <- struct{}{}
				log.Publish(data, func(_ uint64, err error) {
					if <-under; err != nil {
						b.Error(err)
					}
				})
			}
			drain(under)
		})
		b.Run(fmt.Sprintf("logbook/%d", window), func(b *testing.B) {
			log := streamLog(b, nodes, fmt.Sprintf("LOGBOOK_%d_%d", window, b.N), "a")()
			cfg := testConfig(b.TempDir(), "a", log)
			cfg.PublishAgain, cfg.SaveEvery, cfg.RetryEvery, cfg.Local.RotateAfter = 0, 0, 0, 0
			book := ready(b, open(b, cfg))
			content, under := make([]byte, 1024), make(chan struct{}, window)
			for b.Loop() {
				under <- struct{}{}
				s, err := logbooktest.Stage(b.Context(), book, logbooktest.Draft("a", content), content)
				if err != nil {
					b.Fatal(err)
				}
				s.Commit(b.Context(), func(_ logbook.Facts, err error) {
					if <-under; err != nil {
						b.Error(err)
					}
				})
			}
			drain(under)
		})
	}
}

// drain waits until nothing is under way.
func drain(under chan struct{}) {
	for range cap(under) {
		under <- struct{}{}
	}
}
