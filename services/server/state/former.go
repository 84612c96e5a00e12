package state

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/strictjson"
)

// ErrFormerFile is what every error about the content of
// identities_former.jsonl is.
var ErrFormerFile = errors.New("identities_former.jsonl is damaged")

// formerLine is an identity that was replaced: one line of identities_former.jsonl,
// a JSON object with these fields. The public key stays for good, so that what
// it signed is still known to be this server's.
type formerLine struct {
	Key      ed25519.PublicKey `json:"key"`               // 32 bytes, in base64
	Replaced time.Time         `json:"replaced"`          // when
	Until    time.Time         `json:"until"`             // it signs beside its successor before then
	Private  string            `json:"private,omitempty"` // PKCS #8 in PEM form, while it signs

	signer *identity.Identity // of Private
}

func parseFormer(text []byte) ([]formerLine, error) {
	return parseLines(text, ErrFormerFile, parseFormerLine)
}

func parseFormerLine(line []byte) (formerLine, error) {
	var f formerLine
	if err := strictjson.Unmarshal(line, &f); err != nil {
		return formerLine{}, err
	}
	if len(f.Key) != ed25519.PublicKeySize {
		return formerLine{}, ErrFormerFile
	}
	if f.Private == "" {
		return f, nil
	}
	var err error
	if f.signer, err = identity.ParsePEM([]byte(f.Private)); err != nil {
		return formerLine{}, err
	}
	if !f.signer.Public().Equal(f.Key) {
		return formerLine{}, ErrFormerFile
	}
	return f, nil
}

// noted returns list with f in it, once: a switch that was cut short has left
// an entry for the same key.
func noted(list []formerLine, f formerLine) []formerLine {
	list = slices.DeleteFunc(slices.Clone(list), func(other formerLine) bool { return other.Key.Equal(f.Key) })
	return append(list, f)
}

// stripped returns list without the private keys of those whose date has come,
// and how many these were.
func stripped(list []formerLine, now time.Time) ([]formerLine, int) {
	list = slices.Clone(list)
	n := 0
	for i, f := range list {
		if f.Private != "" && !now.Before(f.Until) {
			list[i].Private, list[i].signer = "", nil
			n++
		}
	}
	return list, n
}

func (s *State) writeFormer(list []formerLine) error {
	text, err := linesOf(list)
	if err != nil {
		return err
	}
	return s.write(formerFile, text)
}

func linesOf(list []formerLine) ([]byte, error) {
	var text bytes.Buffer
	for _, f := range list {
		line, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		text.Write(append(line, '\n'))
	}
	return text.Bytes(), nil
}
