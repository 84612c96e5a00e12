package strictjson

import "testing"

func TestUnmarshal(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"n":1}`: true, " {\"n\":1}\n": true, `{}`: true,
		``: false, `{"n":1`: false, `[]`: false, `{"n":"1"}`: false, `{"n":1,"m":2}`: false,
		`{"N":1}`: false, `{"n":1,"n":1}`: false, "{\"n\":1,\"\xff\":1}": false,
		`{"n":1}{"n":1}`: false, `{"n":1}x`: false, `{"n":1}]`: false, `{"n":1} null`: false,
	} {
		var v struct {
			N int `json:"n"`
		}
		if err := Unmarshal([]byte(text), &v); (err == nil) != ok || ok && text != `{}` && v.N != 1 {
			t.Errorf("%q: %+v, %v", text, v, err)
		}
	}
}
