package disk

import (
	"errors"
	"os"
	"testing"

	"sealpost/shared/durable"
)

// No operation on a file in a shard directory goes through a link in its place.
func TestShardIsNoLink(t *testing.T) {
	v := New(t.TempDir())
	check(t, v.Prepare())
	const staged, shard, final = StagingDir + "/" + StagedPrefix + "1", LogsDir + "/000001", LogsDir + "/000001/final"
	elsewhere := t.TempDir()
	check(t, os.Symlink(elsewhere, v.Path(shard)))
	check(t, os.WriteFile(elsewhere+"/final", nil, 0o644))
	f, err := v.CreateFile(staged)
	check(t, err)
	defer func() { _ = f.Close() }()
	_, errFree := v.IsFree(final)
	_, errSame := v.SameFile(staged, final)
	for what, err := range map[string]error{
		"made": v.MakeShard(shard), "flushed": v.SyncDir(shard), "looked at": errFree, "compared": errSame,
		"published": v.Publish(staged, final), "linked": v.publishByLink(staged, final), "removed": v.Remove(final),
	} {
		if !errors.Is(err, durable.ErrNotDirectory) {
			t.Errorf("%s: %v", what, err)
		}
	}
	check(t, os.Remove(v.Path(shard)))
	check(t, v.MakeShard(shard))
	for _, err := range []error{v.Publish(staged, final), v.SyncDir(shard), v.Remove(final)} {
		check(t, err)
	}
}
