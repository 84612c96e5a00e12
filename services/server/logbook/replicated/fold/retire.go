package fold

import (
	"errors"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/numbers"
)

// maxRanges is how many ranges there are at most of what one note names and the one before it
// does not.
const maxRanges = 2 * receipt.MaxRanges

var errNumbers = errors.New("its body is not numbers of messages that can be retired")

// retire reads which messages are retired.
func retire(step *Step) error {
	n, err := numbers.Parse(string(step.Body))
	if err != nil || n.Join(",") != string(step.Body) || n.Len() > maxRanges {
		return errNumbers
	}
	if last, _ := n.Last(); last >= receipt.MaxTree {
		return errNumbers
	}
	step.Numbers = n
	return nil
}
