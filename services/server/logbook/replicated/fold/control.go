package fold

import (
	"errors"
	"fmt"
	"time"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/shared/message"
)

// errOvertaken voids a settings or servers entry whose publisher had not read the newest
// one: also a copy of an old one, published again by whoever may publish.
var errOvertaken = errors.New("its publisher did not know the newest of its kind")

// ZoneError means that this server does not have the zone of the log's settings, or has
// other rules for it.
type ZoneError struct {
	Zone  string
	Cause error
}

func (e *ZoneError) Error() string {
	return fmt.Sprintf("time zone %s of the replicated log: %v", message.Visible(e.Zone), e.Cause)
}

func (e *ZoneError) Unwrap() error { return e.Cause }

var errZoneRules = errors.New("the rules on this server are those of another year")

func zoneOf(s entry.Settings) (*time.Location, error) {
	zone, err := time.LoadLocation(s.Zone)
	if err == nil && entry.RulesOf(zone) != s.ZoneRules {
		err = errZoneRules
	}
	if err != nil {
		return nil, &ZoneError{Zone: s.Zone, Cause: err}
	}
	return zone, nil
}

func (f *Fold) settings(step *Step, s entry.Settings) error {
	if step.Seen.Position < f.state.Control {
		return errOvertaken
	}
	zone, err := zoneOf(s)
	if err != nil {
		return err
	}
	f.state.Settings, f.zone, f.state.Control = &s, zone, step.Position
	return nil
}

// errLateImport voids an import that others would have passed messages before.
var errLateImport = errors.New("an import stands before all settings")

// imported leaves it to the volume whether that keeps what was imported.
func (f *Fold) imported(step *Step) error {
	if f.state.Control > 0 {
		return errLateImport
	}
	f.state.Control = step.Position
	return nil
}

// servers changes which servers count.
func (f *Fold) servers(step *Step, s entry.Servers) error {
	if step.Seen.Position < f.state.Control {
		return errOvertaken
	}
	for _, name := range s.Forget {
		delete(f.state.Servers, name)
	}
	for _, name := range s.Add {
		if _, known := f.state.Servers[name]; !known {
			f.state.Servers[name] = Server{}
		}
	}
	f.state.Control = step.Position
	return nil
}

// note takes down what a server keeps. A copy of an old note changes nothing.
func (f *Fold) note(server string, durable uint64) {
	if s, counts := f.state.Servers[server]; counts && durable > s.Durable && durable <= f.state.Position {
		s.Durable = durable
		f.state.Servers[server] = s
	}
}
