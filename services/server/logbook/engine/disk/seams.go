package disk

import "sealpost/shared/durable"

// Op is a kind of file operation.
type Op string

// The operations that durability rests on.
const (
	OpCreate  Op = "create"
	OpWrite   Op = "write"
	OpAppend  Op = "append"
	OpCut     Op = "cut"   // a file's end
	OpMkdir   Op = "mkdir" // of a shard directory
	OpRename  Op = "rename"
	OpRemove  Op = "remove"
	OpSync    Op = "sync"     // a file
	OpSyncDir Op = "sync dir" // the names in a directory
	OpSyncFS  Op = "sync fs"  // everything
	OpWritten Op = "written"  // the error of a file's write-back
)

// Step is a file operation that is about to happen.
type Step struct {
	Op   Op
	Name string // the path below the logbook's directory
	To   string // the new path, of a rename
	Off  int64  // of a write; the new size, of a cut
	Data []byte // of a write; not to be kept
}

// Seams are what tests put between a volume and the machine; a nil field changes
// nothing. Outside tests nobody sets them: the fields of local.Config that lead
// here are not exported, and no package above the logbook imports this one.
type Seams struct {
	Fault     func(Step) error       // is told of each operation; its error takes the operation's place
	Dirty     func() (uint64, error) // takes the place of DirtyBytes
	CanSyncFS func(dir string) bool  // takes the place of CanSyncFS
}

// NewWithSeams is New for tests.
func NewWithSeams(dir string, s Seams) *Volume {
	if s.Fault == nil {
		s.Fault = func(Step) error { return nil }
	}
	if s.Dirty == nil {
		s.Dirty = durable.DirtyBytes
	}
	if s.CanSyncFS == nil {
		s.CanSyncFS = durable.CanSyncFS
	}
	return &Volume{dir: dir, seams: s}
}

// Announce is called before an operation that Volume does not do itself.
func (v *Volume) Announce(s Step) error { return v.seams.Fault(s) }
