package daemon

// ballastSize is several times what a server holds that keeps small messages.
const ballastSize = 24 << 20

// newBallast returns memory that is counted and never touched, so that it costs
// none. The garbage collector begins when the heap has doubled: with so little in
// it, a busy server would have it run all the time, for up to a sixth of its
// processor time. A higher percentage would count for a large heap as well.
func newBallast() []byte { return make([]byte, ballastSize) }
