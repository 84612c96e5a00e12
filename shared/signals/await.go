package signals

import "context"

// Await returns what read returns, or the cause of ctx once that ends: a read of
// a terminal, or of a pipe that nobody writes, can last for ever. What read is
// at then goes on until the program ends, so that must be soon.
func Await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
