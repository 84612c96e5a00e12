// Package strictjson reads JSON of which every part must be known.
package strictjson

import "github.com/go-json-experiment/json"

// Unmarshal reads text, which is one JSON value in UTF-8 and nothing else, into v. It refuses
// fields that v does not have, names in another case, and a name that comes twice; v may be
// filled in part beside the error.
func Unmarshal(text []byte, v any) error {
	return json.Unmarshal(text, v, json.RejectUnknownMembers(true))
}
