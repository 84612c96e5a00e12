package collector

import (
	"context"

	"sealpost/shared/message"
	"sealpost/shared/numbers"
)

// settle waits for the jobs in turn, records them and hands them on.
func (p *pool) settle(ctx context.Context) error {
	for j := range p.order {
		if err := j.wait(ctx); err != nil {
			return err
		}
		if j.stop != nil {
			return j.stop
		}
		if j.standing != owed && p.Line != nil {
			p.Line(j.item.Line)
		}
		if j.standing == later {
			continue
		}
		if err := p.record(j); err != nil {
			return err
		}
		if err := p.count(j); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// wait returns nil once the job is done. What was done counts, also when the run
// is over, and what is whole by then.
func (j *job) wait(ctx context.Context) error {
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
	}
	if j.whole.Load() {
		<-j.done
	}
	select {
	case <-j.done:
		return nil
	default:
		return context.Cause(ctx)
	}
}

// record takes down that a message was reached, and whether its file came.
func (p *pool) record(j *job) error {
	at := numbers.One(j.item.Entry.Seq)
	switch {
	case j.standing == unreached && j.item.Err != nil:
		p.kept.owe(at)
		p.kept.add(j.item.Line)
	case j.standing == unreached:
		p.kept.add(j.item.Line)
	case j.standing == owed && j.item.Err == nil && (p.Kept == nil || !j.item.looked):
		// Who hands on does it with what is there.
		p.kept.settled(at, len(j.item.Line))
	}
	if j.standing == unreached {
		p.Reached(j.item.Entry.Seq+1, p.lines)
	}
	return p.flushWhenDue()
}

func (p *pool) count(j *job) error {
	p.Progress.done.Add(1)
	r, item := &p.result, &j.item
	switch {
	case item.Err != nil:
		p.failed.add(item.Entry, item.Err)
	case item.Retired:
		r.Retired++
	case item.Away:
		r.Away++
	default:
		r.Files++
		r.Bytes += item.Entry.FileSize
	}
	if item.New {
		r.New++
		p.Log.Info().Uint64("number", item.Entry.Seq).Stringer("id", item.Entry.ID).
			Str("name", message.Visible(item.Entry.Name)).Uint64("bytes", item.Entry.FileSize).
			Msgf("downloaded %s", item.Entry.File)
	}
	if p.Each != nil {
		if err := p.Each(*item); err != nil {
			return err
		}
	}
	return p.countTrouble(j)
}

// countTrouble returns ErrTrouble once the server has failed for MaxTrouble new
// files in a row, since each costs all attempts and their timeouts; the next run
// begins behind them. An answer that is about one file alone neither counts nor
// ends the row.
func (p *pool) countTrouble(j *job) error {
	switch {
	case j.item.New:
		p.trouble = 0
	case j.standing == unreached && j.item.Err != nil && !inStep(j.item.Err):
		p.trouble++
	}
	if p.trouble >= p.MaxTrouble {
		return ErrTrouble
	}
	return nil
}
