// Package ballast has the garbage collector run less often in a program that holds
// little and makes much garbage.
package ballast

// size is several times what a program holds that works with small messages.
const size = 24 << 20

// New returns memory that is counted and never touched, so that it costs none. The
// garbage collector begins when the heap has doubled: with little in it, a busy
// program has it run all the time, for up to a sixth of its processor time. A higher
// percentage would count for a large heap as well. It works as long as it is referred
// to: runtime.KeepAlive.
func New() []byte { return make([]byte, size) }
