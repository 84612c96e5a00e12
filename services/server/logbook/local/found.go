package local

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/parts"
)

// findParts returns the parts that the last server left and that can still be gone
// on with, cut to what their states speak of, and the names of their files.
func findParts(vol *disk.Volume, cfg Config) (found []*part, files map[string]bool) {
	files = make(map[string]bool)
	entries, err := os.ReadDir(vol.Staging(""))
	if err != nil || cfg.KeepParts <= 0 {
		return nil, files
	}
	of := make(map[logbook.Draft]*part)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), disk.PartPrefix) {
			continue
		}
		name := disk.StagingDir + "/" + e.Name()
		p, err := findPart(vol, name, cfg)
		if err != nil {
			cfg.Log.Info().Err(err).Str("file", name).Msg("a part that was kept is dropped")
			continue
		}
		if other := of[p.Draft]; other == nil || other.Offset < p.Offset { // one may have come back in a power cut
			of[p.Draft] = p
		}
	}
	for _, p := range of {
		found = append(found, p)
		files[p.name], files[parts.NameOf(p.name)] = true, true
	}
	return found, files
}

var errPartAge = errors.New("it is too old")

func findPart(vol *disk.Volume, name string, cfg Config) (*part, error) {
	state, err := parts.Read(vol, name)
	if err != nil {
		return nil, err
	}
	if age := cfg.now().Sub(state.Saved).Abs(); age > cfg.KeepParts {
		return nil, errPartAge
	}
	p := &part{State: state, name: parts.StagedOf(name)}
	return p, p.cut(vol, cfg)
}

// cut drops what came behind the part.
func (p *part) cut(vol *disk.Volume, cfg Config) error {
	end := layoutOf(p.Draft, p.Received, cfg).PlainOffset() + int64(p.Offset)
	size, _, err := disk.Size(vol.Path(p.name))
	if err != nil || size == end {
		return err
	}
	if size < end {
		return fmt.Errorf("it has %d bytes, its state speaks of %d", size, end)
	}
	f, err := vol.Reopen(p.name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return vol.Cut(f, p.name, end)
}
