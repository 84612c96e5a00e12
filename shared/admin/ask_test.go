package admin

import "testing"

func TestDialable(t *testing.T) {
	for listen, want := range map[string]string{
		":9513": "127.0.0.1:9513", "0.0.0.0:1": "127.0.0.1:1", "[::]:1": "[::1]:1", "10.0.0.1:2": "10.0.0.1:2",
		"localhost:3": "localhost:3",
	} {
		if got, err := dialable(listen); got != want || err != nil {
			t.Errorf("dialable(%q) = %q, %v, want %q", listen, got, err, want)
		}
	}
}
