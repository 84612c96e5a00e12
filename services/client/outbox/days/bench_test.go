package days

import (
	"fmt"
	"os"
	"testing"

	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// BenchmarkPut measures what is done beside the flushes for one message of a
// batch of 512, none of whose names clash.
func BenchmarkPut(b *testing.B) {
	for _, again := range []bool{false, true} {
		b.Run(fmt.Sprintf("again=%v", again), func(b *testing.B) {
			box := newBench(b)
			flush := func([]*os.File, []*durable.Dir) error { return nil }
			for done := 0; done < b.N; done += mostItems {
				b.StopTimer()
				items := make([]Item, min(mostItems, b.N-done))
				for i := range items {
					items[i] = box.item(i, fmt.Sprintf("%d-%d", done, i))
					items[i].ID = message.NewID()
					items[i].Text = receiptOf(items[i].ID)
				}
				b.StartTimer()
				box.put(box.sent, Batch{Items: items, Again: again, Flush: flush})
			}
		})
	}
}
