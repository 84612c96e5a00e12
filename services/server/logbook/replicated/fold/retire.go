package fold

import (
	"errors"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/numbers"
)

// maxNumbers is how long the numbers of an entry are at most: as many ranges as a note has,
// each with two numbers of 19 digits.
const maxNumbers = receipt.MaxRanges * 40

var errNumbers = errors.New("its body is not numbers of messages that can be retired")

// retire reads which messages are retired.
func retire(step *Step) error {
	if len(step.Body) > maxNumbers {
		return errNumbers
	}
	n, err := numbers.Parse(string(step.Body))
	if err != nil || n.Join(",") != string(step.Body) || n.Len() > receipt.MaxRanges {
		return errNumbers
	}
	if last, _ := n.Last(); last >= receipt.MaxTree {
		return errNumbers
	}
	step.Numbers = n
	return nil
}
