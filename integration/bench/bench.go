package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
)

// bench is one run of the program: what its cases share.
type bench struct {
	options
	*workspace
	out      io.Writer // the report
	progress io.Writer // what is being done now
	summary  summary
}

// errInterrupted stands for what fails in a case that is cut short.
var errInterrupted = errors.New("interrupted")

// say tells whoever waits what is being done.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}

// runCases runs the named cases, or all, and reports. A case that could not run
// does not keep the others from running.
func runCases(ctx context.Context, opts options, names []string, out, progress io.Writer) (err error) {
	space, err := newWorkspace(opts.dir)
	if err != nil {
		return err
	}
	b := &bench{options: opts, workspace: space, out: out, progress: progress}
	defer func() {
		b.say("removing what was written")
		err = errors.Join(err, space.remove())
	}()
	fmt.Fprintf(out, "machine: %d processors, %s/%s, %s\ndisk: %s\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), space.disk)
	if err := space.prepare(ctx); err != nil {
		return err
	}
	var failed []error
	for _, c := range cases {
		if len(names) > 0 && !wanted(c.name, names) {
			continue
		}
		b.say("%s: %s", c.name, c.about)
		err := c.run(ctx, b)
		if ctx.Err() != nil {
			failed = append(failed, errInterrupted)
			break
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", c.name, err))
			b.say("%s could not run: %v", c.name, err)
		}
	}
	b.summary.print(out)
	return errors.Join(failed...)
}

func wanted(name string, names []string) bool { return slices.Contains(names, name) }
