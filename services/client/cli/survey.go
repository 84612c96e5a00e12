//go:build unix

package cli

import (
	"context"
	"sync"
	"time"

	"sealpost/services/client/outbox"
	"sealpost/shared/admin"
)

// startWatched serves what is told of the outbox until stop is called: nil where nobody is
// to see it, or the client does not stay.
func (r *runner) startWatched(ctx context.Context) (w *watched, stop func(), err error) {
	if !r.watch || r.settings.AdminListen == "" {
		return nil, func() {}, nil
	}
	registry := admin.NewRegistry()
	w = newWatched(registry)
	endpoint, err := admin.Start(ctx, admin.Config{
		Setting: prefix + "_ADMIN_LISTEN", Listen: r.settings.AdminListen,
		Ready: w.ready, Hint: hint, Registry: registry, Log: r.log,
	})
	if err != nil {
		return nil, nil, err
	}
	r.reached = w.reached
	ctx, cancel := context.WithCancel(ctx)
	var surveys sync.WaitGroup
	surveys.Go(func() { w.survey(ctx, r.survey) })
	return w, func() {
		cancel()
		surveys.Wait()
		endpoint.Close()
	}, nil
}

// survey surveys the outbox again and again until ctx ends. As each survey looks at
// every file, they have a part of the time and no more.
func (w *watched) survey(ctx context.Context, survey func() (outbox.Backlog, error)) {
	for {
		began := time.Now()
		w.surveyedAs(survey())
		timer := time.NewTimer(max(time.Second, lookShare*time.Since(began)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}
