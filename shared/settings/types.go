package settings

import (
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"
)

// mask stands for a secret that is set.
const mask = "set"

var (
	secretType  = reflect.TypeFor[Secret]()
	addressType = reflect.TypeFor[Address]()

	addressesType = reflect.TypeFor[Addresses]()

	errTooLong = fmt.Errorf("it has more than %d bytes", maxFile)
	errBytes   = errors.New("a size such as 65536, 64KiB, 10MiB or 1GiB")
)

// Secret is a text that prints as "set", or as "" when it is empty. It is
// never decoded from text but by Load, so that a masked one cannot come back.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String masks the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString masks the secret under %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText masks the secret in JSON and in logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Bytes is a size in bytes, written as a whole number, with B, KiB, MiB, GiB or
// TiB (powers of 1024) after it where that helps.
type Bytes uint64

// units in falling order, so that the largest that fits is found first, and
// the plain B, which ends all the others, last.
var units = []struct {
	name  string
	shift uint
}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}}

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	digits, shift := string(text), uint(0)
	for _, unit := range units {
		if rest, ok := strings.CutSuffix(digits, unit.name); ok {
			digits, shift = rest, unit.shift
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n<<shift>>shift != n {
		return errBytes
	}
	*b = Bytes(n << shift)
	return nil
}

// String returns the size with the largest unit that divides it.
func (b Bytes) String() string {
	for _, unit := range units {
		if n := uint64(b) >> unit.shift; unit.shift > 0 && n > 0 && n<<unit.shift == uint64(b) {
			return strconv.FormatUint(n, 10) + unit.name
		}
	}
	return strconv.FormatUint(uint64(b), 10)
}

// MarshalText returns what String returns.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// show returns the field's value for a listing.
func (f field) show() string {
	if secret, ok := f.value.Interface().(Secret); ok {
		return secret.String()
	}
	return fmt.Sprint(f.value.Interface())
}

// shown returns what stands in the variable, for a problem; nothing for a secret.
func (f field) shown() string {
	if f.value.Type() == secretType {
		return ""
	}
	return os.Getenv(f.name)
}

func (f field) problem(err error) Problem {
	var parse *envconfig.ParseError
	if errors.As(err, &parse) {
		err = parse.Err
	}
	return Problem{Name: f.name, Value: f.shown(), Rule: "must be " + f.rule(err)}
}

// rule says what a value of the field's type looks like. A type of its own
// says so in its error.
func (f field) rule(err error) string {
	switch {
	case f.value.Type() == reflect.TypeFor[time.Duration]():
		return "a duration such as 500ms, 90s or 5m"
	case unmarshals(f.value):
		return err.Error()
	case f.value.Kind() == reflect.Bool:
		return "true or false"
	case f.value.CanInt():
		return fmt.Sprintf("a whole number of at most %d bits", f.value.Type().Bits())
	case f.value.CanUint():
		return fmt.Sprintf("a whole number from 0, of at most %d bits", f.value.Type().Bits())
	}
	return err.Error()
}

func unmarshals(value reflect.Value) bool {
	if !value.CanAddr() || !value.Addr().CanInterface() {
		return false
	}
	_, ok := value.Addr().Interface().(encoding.TextUnmarshaler)
	return ok
}

// cause strips the path from a file error; the caller names it already.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
