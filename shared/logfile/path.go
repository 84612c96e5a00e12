package logfile

import (
	"path"
	"strconv"
	"strings"
)

const (
	fileStart = "server_message"
	fileEnd   = ".txt"

	maxDecimal = 20 // digits of 1<<64 - 1
	maxPath    = maxDecimal + len("/") + len(fileStart) + maxDecimal + len(fileEnd)
)

// shardFiles is how many numbers share a shard directory.
var shardFiles = uint64(10_000)

// SetShardFiles is for tests alone, which cannot fill directories of the real
// size: it has n numbers share a shard directory. It comes before all else, and
// returns what restores the real size.
func SetShardFiles(n uint64) (restore func()) {
	was := shardFiles
	shardFiles = n
	return func() { shardFiles = was }
}

// FileName returns the name of log file number seq: server_message<N>.txt. Where
// logs/ is flat that is also its path there.
func FileName(seq uint64) string {
	var name [maxPath]byte
	return string(appendFileName(name[:0], seq))
}

// ShardedPath returns where log file number seq lies below a logs/ that is
// sharded: in the directory of its ten thousand, with six digits or more,
// 000001/server_message10000.txt.
func ShardedPath(seq uint64) string {
	var p [maxPath]byte
	return string(appendSharded(p[:0], seq))
}

func appendFileName(b []byte, seq uint64) []byte {
	return append(strconv.AppendUint(append(b, fileStart...), seq, 10), fileEnd...)
}

func appendSharded(b []byte, seq uint64) []byte {
	shard := seq / shardFiles
	for six := uint64(100_000); six > max(shard, 1); six /= 10 {
		b = append(b, '0')
	}
	return appendFileName(append(strconv.AppendUint(b, shard, 10), '/'), seq)
}

// Shard returns the shard directory in the path of a log file below logs/, "" where
// it lies in none.
func Shard(file string) string {
	shard, _, below := strings.Cut(file, "/")
	if !below {
		return ""
	}
	return shard
}

// isPath reports whether s is one of the two paths that belong to seq.
func isPath(s string, seq uint64) bool {
	var p [maxPath]byte
	return s == string(appendFileName(p[:0], seq)) || s == string(appendSharded(p[:0], seq))
}

// ParsePath returns the number in the path of a log file below logs/, and whether s
// is exactly what [FileName] or [ShardedPath] returns for it.
func ParsePath(s string) (seq uint64, ok bool) {
	seq, ok = ParseFileName(path.Base(s))
	return seq, ok && isPath(s, seq)
}

// ParseFileName returns the number in the name of a log file, and whether s is
// exactly what [FileName] returns for it.
func ParseFileName(s string) (seq uint64, ok bool) {
	digits, ok := strings.CutPrefix(s, fileStart)
	if !ok {
		return 0, false
	}
	digits, ok = strings.CutSuffix(digits, fileEnd)
	if !ok {
		return 0, false
	}
	return parseDecimal(digits)
}

// IsShard reports whether s can be the name of a shard directory.
func IsShard(s string) bool {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > (1<<64-1)/shardFiles {
		return false
	}
	return s == Shard(ShardedPath(n*shardFiles))
}
