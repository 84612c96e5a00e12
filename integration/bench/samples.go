package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"sealpost/shared/admin"
)

// sample is what a server holds at one moment.
type sample struct{ ownMiB, descriptors, goroutines float64 }

// samples are taken once a second.
type samples []sample

// quantities are those of a sample, by the column of their growth.
var quantities = []struct {
	growth, title string
	of            func(sample) float64
}{
	{memoryGrowth, "own memory, MiB", func(s sample) float64 { return s.ownMiB }},
	{descriptorGrowth, "descriptors", func(s sample) float64 { return s.descriptors }},
	{goroutineGrowth, "goroutines", func(s sample) float64 { return s.goroutines }},
}

// scrape takes a sample each second until ctx ends.
func (r *rig) scrape(ctx context.Context) (all samples, err error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		s, err := r.sample(ctx)
		if ctx.Err() != nil {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, s)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return all, nil
		}
	}
}

func (r *rig) sample(ctx context.Context) (sample, error) {
	page, err := r.page(ctx, admin.MetricsPath)
	if err != nil {
		return sample{}, err
	}
	used, err := r.memory()
	if err != nil {
		return sample{}, err
	}
	s := sample{ownMiB: used[ownMemory]}
	for name, value := range map[string]*float64{"go_goroutines": &s.goroutines, "process_open_fds": &s.descriptors} {
		if *value, err = metric(page, name); err != nil {
			return sample{}, err
		}
	}
	return s, nil
}

// metric returns the value of a metric without labels.
func metric(page, name string) (float64, error) {
	for lines := bufio.NewScanner(strings.NewReader(page)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("the page has no metric %s", name)
}

// growth adds by how much each quantity has grown from the second tenth of the samples,
// when everything is under way, to the last tenth. It takes the least of each tenth: what
// messages under way hold comes and goes, and what is held for ever stays.
func (all samples) growth(got values) {
	tenth := max(len(all)/10, 1)
	begin, end := all[min(tenth, len(all)-tenth):], all[len(all)-tenth:]
	for _, q := range quantities {
		got[q.growth] = end.least(q.of) / begin[:tenth].least(q.of)
	}
}

// least is the lowest of one quantity.
func (all samples) least(of func(sample) float64) float64 {
	low := of(all[0])
	for _, s := range all {
		low = min(low, of(s))
	}
	return low
}

// median is that of one quantity.
func (all samples) median(of func(sample) float64) float64 {
	found := make([]float64, len(all))
	for i, s := range all {
		found[i] = of(s)
	}
	return slices.Sorted(slices.Values(found))[len(found)/2]
}

// points of a plot, at most.
const points = 40

// plot draws each quantity over time as a chart for Markdown: Mermaid's, which many
// viewers draw, and which can be read where none does.
func (all samples) plot(out io.Writer) {
	each := (len(all) + points - 1) / points
	for _, q := range quantities {
		var ys []string
		for part := range slices.Chunk(all, each) {
			ys = append(ys, show(part.median(q.of)))
		}
		most := all[0]
		for _, one := range all {
			if q.of(one) > q.of(most) {
				most = one
			}
		}
		fmt.Fprintf(out, "\n```mermaid\nxychart-beta\n  title \"%s, medians of %d s\"\n  x-axis \"s\" 0 --> %d\n"+
			"  y-axis 0 --> %s\n  line [%s]\n```\n", q.title, each, len(all), show(1.25*q.of(most)), strings.Join(ys, ", "))
	}
}
