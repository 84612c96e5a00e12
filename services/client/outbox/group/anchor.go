package group

import (
	"os"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/durable"
)

// Anchor makes the messages, their records, and every directory that gained or lost
// a name durable. Only then may the messages be offered. A message that is refused
// before it was ever offered needs it, too: a power cut could leave the reason and
// bring the message back. After an error this process must not offer the group.
func (g *Group) Anchor(f *durable.Flusher) error {
	defer g.closeFiles()
	records, err := g.writeRecords()
	if err != nil {
		return err
	}
	flush := durable.Group{
		Opened: g.dir, // before the records were written
		// From above: no name is durable in a directory that may be lost.
		Dirs: append([]*durable.Dir{g.in, g.dir, g.files, g.box.Root}, g.belowDirs()...),
	}
	if records != nil {
		defer records.Close()
		flush.Files = append(flush.Files, records)
	}
	for _, m := range g.Messages {
		if m.file != nil {
			flush.Files = append(flush.Files, m.file)
			flush.Bytes += uint64(m.info.Size())
		}
	}
	if err := f.Flush(flush); err != nil {
		return err
	}
	g.step("anchored")
	return nil
}

// writeRecords writes the records to a fresh file, which takes its place: those that
// were there, and those of the messages that can be offered now. Nothing is written
// where there are none.
func (g *Group) writeRecords() (*os.File, error) {
	records := g.records
	for _, m := range g.Messages {
		if !m.known && m.Err == nil {
			records = append(records, m.Record)
		}
	}
	if len(records) == 0 {
		return nil, nil
	}
	text, err := appendRecords(records)
	if err != nil {
		return nil, err
	}
	return g.replaceRecords(text)
}

func (g *Group) replaceRecords(text []byte) (*os.File, error) {
	fresh := durable.TempName()
	f, err := g.dir.Create(fresh, box.FileMode, g.box.Heir)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(text); err == nil && len(g.records) > 0 {
		// What was offered already must not be gone because the new name came to the
		// disk before the new bytes.
		err = f.Sync()
	}
	if err == nil {
		err = g.dir.RenameOnly(fresh, g.dir, recordsName)
	}
	if err != nil {
		_ = f.Close()
		_ = g.dir.Remove(fresh) // each try would leave one more on a disk that is full
		return nil, err
	}
	g.step("recorded")
	return f, nil
}
