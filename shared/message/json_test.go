package message_test

import (
	"encoding/json"
	"testing"

	"sealpost/shared/message"
)

func TestVisibleJSON(t *testing.T) {
	const name = "a\u202eb\x7f\u009b1mü"
	text, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	shown := message.VisibleJSON(append(text, '\n'))
	if want := `"a\u202eb\u007f\u009b1mü"` + "\n"; string(shown) != want {
		t.Errorf("%q, want %q", shown, want)
	}
	var back string
	if err := json.Unmarshal(shown, &back); err != nil || back != name {
		t.Errorf("%q, %v", back, err)
	}
}
