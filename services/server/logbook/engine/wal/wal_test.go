package wal

import (
	"os"
	"slices"
	"testing"

	"sealpost/services/server/logbook/engine/disk"
)

// What was appended is read back, group by group, also from a file that a crash
// cut within the last of them.
func TestReadBack(t *testing.T) {
	vol := disk.New(t.TempDir())
	check(t, vol.Prepare())
	log, err := Start(vol, 7, 1<<10)
	check(t, err)
	first := []Record{{Staged: "staging/m-1", Line: "<&>"}, {Staged: "staging/m-2", Line: "two", Position: 1 << 60}}
	check(t, log.Append(first))
	size := log.Size()
	second := []Record{{Staged: "staging/m-3", Line: "three"}}
	check(t, log.Append(second))
	check(t, log.Close())
	want(t, vol, slices.Concat(first, second))
	check(t, os.Truncate(vol.Path(Path), size+20))
	want(t, vol, first)

	log, err = Start(vol, 9, 1<<10) // which voids them
	check(t, err)
	check(t, log.Close())
	if head, recs, ok, err := Read(vol); err != nil || !ok || head.Base != 9 || len(recs) > 0 {
		t.Errorf("%+v, %+v, %v, %v", head, recs, ok, err)
	}
}

func want(t *testing.T, vol *disk.Volume, recs []Record) {
	t.Helper()
	head, got, ok, err := Read(vol)
	if err != nil || !ok || head.Base != 7 || !slices.Equal(got, recs) {
		t.Errorf("%+v, %+v, %v, %v", head, got, ok, err)
	}
}

// A volume without records says so.
func TestReadNone(t *testing.T) {
	if _, _, ok, err := Read(disk.New(t.TempDir())); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
