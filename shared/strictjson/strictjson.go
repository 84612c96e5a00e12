// Package strictjson reads JSON of which every part must be known.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// ErrForm means that more follows the first JSON value.
var ErrForm = errors.New("not one JSON object of the known form")

// Unmarshal is [json.Unmarshal], but refuses fields that v does not have. The
// error is ErrForm or one of encoding/json; v may be filled in part beside it.
func Unmarshal(text []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return ErrForm
	}
	return nil
}
