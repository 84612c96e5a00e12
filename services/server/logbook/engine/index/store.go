package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"os"
	"runtime/debug"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/shared/panics"
)

// Path is where the file lies on the volume.
const Path = disk.StagingDir + "/index"

var (
	messagesBucket = []byte("messages") // id, sender -> place
	coverBucket    = []byte("cover")
	coverKey       = []byte("to")
)

// store is the index file, a bbolt database.
type store struct {
	db    *bolt.DB
	small int64 // bytes: what a file has at most that takes a batch in one transaction
}

func openStore(path string) (s *store, err error) {
	err = guarded(func() error {
		db, err := bolt.Open(path, 0o600, &bolt.Options{
			Timeout: time.Second, FreelistType: bolt.FreelistMapType, OpenFile: openNoLink,
		})
		if err != nil {
			return err
		}
		db.AllocSize = 1 << 20 // the file grows by so much, not by 16 MiB
		s = &store{db, smallFile}
		if err := db.Update(makeBuckets); err != nil {
			return errors.Join(err, db.Close())
		}
		return nil
	})
	return s, err
}

func makeBuckets(tx *bolt.Tx) error {
	_, err := tx.CreateBucketIfNotExists(messagesBucket)
	if err == nil {
		_, err = tx.CreateBucketIfNotExists(coverBucket)
	}
	return err
}

// openNoLink is os.OpenFile for a file that is not a link.
func openNoLink(path string, flag int, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(path, flag|unix.O_NOFOLLOW, mode)
}

// guarded makes errors of what bbolt does on a damaged file, and of the fault of a
// page that is not there or cannot be read.
func guarded(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer panics.ToError(&err, errDamaged)
	return do()
}

func (s *store) view(do func(*bolt.Tx) error) error {
	return guarded(func() error { return s.db.View(do) })
}

func (s *store) update(do func(*bolt.Tx) error) error {
	return guarded(func() error { return s.db.Update(do) })
}

func (s *store) get(key Key) (p manifest.Place, ok bool, err error) {
	err = s.view(func(tx *bolt.Tx) error {
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

const (
	// mostAtOnce bounds the keys of one transaction, all of whose leaves are in memory
	// until it ends: ids are random, so that in a large file each key has a leaf of its own.
	mostAtOnce = 256
	// smallFile bounds that by itself, in bytes, and each transaction is flushed twice.
	smallFile = 8 << 20
)

// put adds a batch and says how far the file now covers the manifest. What a crash leaves
// of a batch is not covered, and harmless: its lines are in the manifest.
func (s *store) put(batch map[Key]manifest.Place, to manifest.Position, a anchor) error {
	pairs := sorted(batch) // in key order a leaf is visited once
	for len(pairs) > 0 {
		err := s.update(func(tx *bolt.Tx) error {
			n := len(pairs)
			if tx.Size() > s.small {
				n = min(n, mostAtOnce)
			}
			if err := putPairs(tx, pairs[:n]); err != nil {
				return err
			}
			if pairs = pairs[n:]; len(pairs) > 0 {
				return nil
			}
			return tx.Bucket(coverBucket).Put(coverKey, coverOf(to, a))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func putPairs(tx *bolt.Tx, pairs []pair) error {
	messages := tx.Bucket(messagesBucket)
	for _, pair := range pairs {
		if err := messages.Put(pair.key, pair.value); err != nil {
			return err
		}
	}
	return nil
}

// cover returns how far the file covers the manifest.
func (s *store) cover() (to manifest.Position, a anchor, err error) {
	err = s.view(func(tx *bolt.Tx) error {
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

func sorted(batch map[Key]manifest.Place) []pair {
	pairs := make([]pair, 0, len(batch))
	for key, p := range batch {
		pairs = append(pairs, pair{key.bytes(), placeBytes(p)})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(string(a.key), string(b.key)) })
	return pairs
}

func (k Key) bytes() []byte { return append(k.ID[:len(k.ID):len(k.ID)], k.Sender...) }

const placeSize = 8 + 8 + 4

var (
	errDamaged    = errors.New("index file damaged")
	errIndexValue = errors.New("index file: a value of an unknown form")
)

func placeBytes(p manifest.Place) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, placeSize), p.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Off))
	return binary.BigEndian.AppendUint32(b, p.Size)
}

func placeOf(b []byte) (manifest.Place, error) {
	if len(b) != placeSize {
		return manifest.Place{}, errIndexValue
	}
	return manifest.Place{
		Seq: binary.BigEndian.Uint64(b), Off: int64(binary.BigEndian.Uint64(b[8:])), Size: binary.BigEndian.Uint32(b[16:]),
	}, nil
}

func coverOf(to manifest.Position, a anchor) []byte {
	b := binary.BigEndian.AppendUint64(nil, to.Lines)
	b = binary.BigEndian.AppendUint64(b, uint64(to.Bytes))
	b = append(b, placeBytes(a.last)...)
	return binary.BigEndian.AppendUint32(b, a.crc)
}

func parseCover(b []byte) (to manifest.Position, a anchor, err error) {
	if len(b) != 16+placeSize+4 {
		return to, a, errIndexValue
	}
	to = manifest.Position{Lines: binary.BigEndian.Uint64(b), Bytes: int64(binary.BigEndian.Uint64(b[8:]))}
	a.last, err = placeOf(b[16 : 16+placeSize])
	a.crc = binary.BigEndian.Uint32(b[16+placeSize:])
	return to, a, err
}

// removeStore drops an index file that cannot be used.
func removeStore(path string) error {
	err := os.Remove(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
