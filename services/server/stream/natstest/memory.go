package natstest

import (
	"fmt"
	"os"
)

// Memory returns how many bytes of memory each node holds, as the system counts them.
func (c *Cluster) Memory() (held []uint64) {
	c.t.Helper()
	for _, n := range c.Nodes {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", n.command.Process.Pid))
		if err != nil {
			c.t.Fatal(err)
		}
		var size, resident uint64
		if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
			c.t.Fatal(err)
		}
		held = append(held, resident*uint64(os.Getpagesize()))
	}
	return held
}
