package disk

// Op is a kind of file operation.
type Op string

// The operations that durability rests on.
const (
	OpCreate  Op = "create"
	OpWrite   Op = "write"
	OpAppend  Op = "append"
	OpCut     Op = "cut" // a file's end
	OpRename  Op = "rename"
	OpRemove  Op = "remove"
	OpSync    Op = "sync"     // a file
	OpSyncDir Op = "sync dir" // the names in a directory
	OpSyncFS  Op = "sync fs"  // everything
	OpWritten Op = "written"  // the error of a file's write-back
)

// Step is a file operation that is about to happen. Tests watch them, and make
// them fail.
type Step struct {
	Op   Op
	Name string // the path below the logbook's directory
	To   string // the new path, of a rename
	Off  int64  // of a write; the new size, of a cut
	Data []byte // of a write; not to be kept
}
