package voice_test

import (
	"errors"
	"strings"
	"testing"

	"sealpost/shared/voice"
)

func TestVoice(t *testing.T) {
	var b strings.Builder
	v := voice.Voice("client")
	v.Complain(&b, errors.Join(errors.New("first"), errors.New("second\x1b[31m")), "do this")
	v.Complain(&b, errors.New("third"), "")
	v.Remark(&b, []string{"odd"})
	want := "client: first\nclient: second\\x1b[31m\nclient: hint: do this\nclient: third\nclient: odd\n"
	if b.String() != want {
		t.Errorf("got\n%swanted\n%s", b.String(), want)
	}
}
