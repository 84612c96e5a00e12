// Package build says which build of the project a program is.
package build

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// Set by the linker for a build that does not see the repository, as that of an
// image: -ldflags "-X sealpost/shared/build.version=v1.2.3".
var version, revision string

// Info describes a build.
type Info struct {
	Version  string // of the module: a tag, a pseudo-version, or "(devel)"
	Revision string // the commit, "+dirty" behind it where files differ from it, or "unknown"
	Go       string // the version of Go
	Platform string // GOOS/GOARCH
}

// Read returns the description of the running program.
func Read() Info {
	stamps, ok := debug.ReadBuildInfo()
	if !ok {
		stamps = new(debug.BuildInfo)
	}
	return describe(stamps, version, revision)
}

// describe prefers what the linker was told to what go build found out.
func describe(stamps *debug.BuildInfo, version, revision string) Info {
	found := make(map[string]string)
	for _, s := range stamps.Settings {
		found[s.Key] = s.Value
	}
	commit := found["vcs.revision"]
	if commit != "" && found["vcs.modified"] == "true" {
		commit += "+dirty"
	}
	return Info{
		Version:  cmp.Or(version, stamps.Main.Version, "(devel)"),
		Revision: cmp.Or(revision, commit, "unknown"),
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// Print prints one line about the build of a program that is asked for its version.
func Print(w io.Writer, program string) error {
	_, err := io.WriteString(w, Read().line(program))
	return err
}

func (i Info) line(program string) string {
	return fmt.Sprintf("%s %s, revision %s, %s, %s\n", program, i.Version, i.Revision, i.Go, i.Platform)
}

// Asked reports whether an argument asks a program for its version.
func Asked(arg string) bool {
	return arg == "version" || arg == "-version" || arg == "--version"
}
