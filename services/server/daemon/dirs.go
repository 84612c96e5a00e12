package daemon

import (
	"os"
	"path/filepath"

	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/state"
	"sealpost/shared/settings"
)

// CheckDirs reports directories that were confused with each other. A server
// would begin a new logbook in them, under a new identity, or keep its private
// files where log files are read.
func CheckDirs(data, stateDir string) []settings.Problem {
	switch {
	case sameDir(data, stateDir):
		return nil
	case state.Holds(data) && !fit.Holds(data):
		return []settings.Problem{{Name: "SERVER_DATA_DIR", Value: data,
			Rule: "holds the state volume (identity.pem); SERVER_STATE_DIR must name that, and this the log volume"}}
	case fit.Within(data, stateDir):
		return []settings.Problem{{Name: "SERVER_STATE_DIR", Value: stateDir,
			Rule: "must not lie in the directories of the log volume, where log files are served"}}
	}
	return CheckStateDir(stateDir)
}

// CheckStateDir reports the log volume where the state volume belongs.
func CheckStateDir(dir string) []settings.Problem {
	if state.Holds(dir) || !fit.Holds(dir) {
		return nil
	}
	return []settings.Problem{{Name: "SERVER_STATE_DIR", Value: dir,
		Rule: "holds the log volume (staging); SERVER_DATA_DIR must name that, and this the state volume"}}
}

func sameDir(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB)
	}
	return filepath.Clean(a) == filepath.Clean(b)
}
