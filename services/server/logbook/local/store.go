package local

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime/debug"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

const (
	indexName = "index"
	indexPath = "staging/" + indexName
)

var (
	messagesBucket = []byte("messages") // id, sender -> place
	coverBucket    = []byte("cover")
	coverKey       = []byte("to")
)

// anchor ties the index file to its manifest: the last line that it covers.
type anchor struct {
	last place
	crc  uint32 // CRC-32C of that line
}

// store is the index file, a bbolt database.
type store struct {
	db *bolt.DB
}

func openStore(path string) (s *store, err error) {
	defer guard(&err)()
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout: time.Second, FreelistType: bolt.FreelistMapType, OpenFile: openNoLink,
	})
	if err != nil {
		return nil, err
	}
	db.AllocSize = 1 << 20 // the file grows by so much, not by 16 MiB
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(messagesBucket)
		if err == nil {
			_, err = tx.CreateBucketIfNotExists(coverBucket)
		}
		return err
	})
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return &store{db}, nil
}

// openNoLink is os.OpenFile for a file that is no link.
func openNoLink(path string, flag int, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(path, flag|unix.O_NOFOLLOW, mode)
}

// guard turns what bbolt does on a damaged file, and the fault of a page that
// is not there or cannot be read, into an error: defer guard(&err)().
func guard(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if p := recover(); p != nil {
			*err = fmt.Errorf("index file damaged: %v", p)
		}
	}
}

func (s *store) get(key indexKey) (p place, ok bool, err error) {
	defer guard(&err)()
	err = s.db.View(func(tx *bolt.Tx) error {
		value := tx.Bucket(messagesBucket).Get(key.bytes())
		if value == nil {
			return nil
		}
		ok = true
		p, err = placeOf(value)
		return err
	})
	return p, ok, err
}

// put adds a batch and says how far the file now covers the manifest.
func (s *store) put(batch map[indexKey]place, to position, a anchor) (err error) {
	defer guard(&err)()
	return s.db.Update(func(tx *bolt.Tx) error {
		messages := tx.Bucket(messagesBucket)
		for _, pair := range sorted(batch) { // in key order a leaf is visited once
			if err := messages.Put(pair.key, pair.value); err != nil {
				return err
			}
		}
		return tx.Bucket(coverBucket).Put(coverKey, coverOf(to, a))
	})
}

// cover returns how far the file covers the manifest.
func (s *store) cover() (to position, a anchor, err error) {
	defer guard(&err)()
	err = s.db.View(func(tx *bolt.Tx) error {
		value := tx.Bucket(coverBucket).Get(coverKey)
		if value == nil {
			return nil
		}
		to, a, err = parseCover(value)
		return err
	})
	return to, a, err
}

func (s *store) close() error { return s.db.Close() }

type pair struct{ key, value []byte }

func sorted(batch map[indexKey]place) []pair {
	pairs := make([]pair, 0, len(batch))
	for key, p := range batch {
		pairs = append(pairs, pair{key.bytes(), p.bytes()})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(string(a.key), string(b.key)) })
	return pairs
}

func (k indexKey) bytes() []byte { return append(k.id[:len(k.id):len(k.id)], k.sender...) }

const placeSize = 8 + 8 + 4

var errIndexValue = errors.New("index file: a value of an unknown form")

func (p place) bytes() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, placeSize), p.seq)
	b = binary.BigEndian.AppendUint64(b, uint64(p.off))
	return binary.BigEndian.AppendUint32(b, p.size)
}

func placeOf(b []byte) (place, error) {
	if len(b) != placeSize {
		return place{}, errIndexValue
	}
	return place{
		seq: binary.BigEndian.Uint64(b), off: int64(binary.BigEndian.Uint64(b[8:])), size: binary.BigEndian.Uint32(b[16:]),
	}, nil
}

func coverOf(to position, a anchor) []byte {
	b := binary.BigEndian.AppendUint64(nil, to.lines)
	b = binary.BigEndian.AppendUint64(b, uint64(to.bytes))
	b = append(b, a.last.bytes()...)
	return binary.BigEndian.AppendUint32(b, a.crc)
}

func parseCover(b []byte) (to position, a anchor, err error) {
	if len(b) != 16+placeSize+4 {
		return to, a, errIndexValue
	}
	to = position{binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:]))}
	a.last, err = placeOf(b[16 : 16+placeSize])
	a.crc = binary.BigEndian.Uint32(b[16+placeSize:])
	return to, a, err
}

func lineCRC(line []byte) uint32 { return crc32.Checksum(line, castagnoli) }

// removeStore drops an index file that cannot be used.
func removeStore(path string) error {
	err := os.Remove(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
