package collector

import "context"

// hire starts a worker. The first one gets the session that is open already.
func (p *pool) hire(ctx context.Context) {
	p.workers++
	s := p.first
	p.first = nil
	p.group.Go(func() error {
		if s != nil {
			return p.work(ctx, s)
		}
		return p.help(ctx)
	})
}

// help runs a further worker. It ends without an error where the server allows no
// more connections, or when all work is taken before it is logged in.
func (p *pool) help(ctx context.Context) error {
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	keep := context.AfterFunc(p.all, cancel)
	s, err := p.connect(own)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !keep():
		if err == nil {
			s.quit()
		}
		return nil
	case err != nil:
		p.Log.Warn().Err(err).Msg("going on with fewer FTP connections")
		return nil
	}
	return p.work(ctx, s)
}

func (p *pool) work(ctx context.Context, s *session) error {
	for j := range p.todo {
		var err error
		if s, err = p.retry(ctx, s, j); err != nil {
			s.drop()
			return err
		}
		if j.part == nil {
			close(j.done)
		} else {
			p.finish(j)
		}
	}
	if s != nil {
		s.quit()
	}
	return nil
}
