package state

import (
	"errors"
	"testing"
)

// Withdraw takes back the one token and no other.
func TestWithdraw(t *testing.T) {
	st, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	first, err := st.AddSender("store")
	if err != nil {
		t.Fatal(err)
	}
	second, err := st.AddSender("store")
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Withdraw(second); err != nil {
		t.Fatal(err)
	}
	if _, ok := st.Authenticate(first.Reveal()); !ok {
		t.Error("the other token is invalid too")
	}
	if _, ok := st.Authenticate(second.Reveal()); ok {
		t.Error("it is still valid")
	}
	if err := st.Withdraw(second); !errors.Is(err, ErrUnknownSender) {
		t.Errorf("again: %v", err)
	}
}
