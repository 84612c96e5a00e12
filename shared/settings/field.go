package settings

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"unicode"

	"github.com/kelseyhightower/envconfig"

	"sealpost/shared/bounded"
)

const (
	fileSuffix = "_FILE"
	// maxFile bounds what is read through a _FILE variable, in bytes.
	maxFile = 64 << 10
)

// field is one setting: its variable and where its value goes.
type field struct {
	name     string
	tag      reflect.StructTag
	value    reflect.Value
	fromFile bool
}

// collect lists the settings of a struct in order.
func collect(prefix string, structure reflect.Value) []field {
	var fields []field
	for i := range structure.NumField() {
		info := structure.Type().Field(i)
		if info.Anonymous && info.Type.Kind() == reflect.Struct && !unmarshals(structure.Field(i)) {
			fields = append(fields, collect(prefix, structure.Field(i))...)
			continue
		}
		if !info.IsExported() || info.Tag.Get("ignored") == "true" {
			continue
		}
		name := cmp.Or(info.Tag.Get("envconfig"), words(info.Name))
		fields = append(fields, field{
			name:     prefix + "_" + strings.ToUpper(name),
			tag:      info.Tag,
			value:    structure.Field(i),
			fromFile: info.Tag.Get("file") == "true" || info.Type == secretType,
		})
	}
	return fields
}

func (f field) load() (Problem, bool) {
	if f.fromFile && os.Getenv(f.name+fileSuffix) != "" {
		return f.loadFile(f.name + fileSuffix)
	}
	if err := errors.Join(f.process(), f.complete()); err != nil {
		return f.problem(err), false
	}
	if rule := f.stray(f.value.String()); rule != "" {
		return Problem{Name: f.name, Value: f.shown(), Rule: rule}, false
	}
	if rule := f.broken(); rule != "" {
		return Problem{Name: f.name, Value: f.shown(), Rule: rule}, false
	}
	return Problem{}, true
}

// process hands envconfig a struct with this one field in it. Two of its
// habits are worked around so: it stops at the first bad field, and next to
// PREFIX_NAME it also reads a bare NAME where the field has a tag. With the
// whole name as the tag and no prefix there is no other name to fall back on.
func (f field) process() error {
	tag := fmt.Sprintf(`envconfig:%q`, f.name)
	if value, ok := f.tag.Lookup("default"); ok {
		tag += fmt.Sprintf(` default:%q`, value)
	}
	single := reflect.New(reflect.StructOf([]reflect.StructField{{
		Name: "Value", Type: f.value.Type(), Tag: reflect.StructTag(tag),
	}}))
	if err := envconfig.Process("", single.Interface()); err != nil {
		return err
	}
	f.value.Set(single.Elem().Field(0))
	return nil
}

func (f field) loadFile(variable string) (Problem, bool) {
	path := os.Getenv(variable)
	if os.Getenv(f.name) != "" {
		return Problem{Name: variable, Rule: "set " + f.name + " or " + variable + ", not both"}, false
	}
	text, err := readSmall(path)
	if err != nil {
		return Problem{Name: variable, Value: path, Rule: "the file cannot be read: " + cause(err)}, false
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" {
		return Problem{Name: variable, Value: path, Rule: "the file is empty"}, false
	}
	if rule := f.stray(text); rule != "" {
		return Problem{Name: variable, Value: path, Rule: "the file " + rule}, false
	}
	if err := f.set(text); err != nil {
		return Problem{Name: variable, Value: path, Rule: "the file must hold " + f.rule(err)}, false
	}
	if rule := f.broken(); rule != "" {
		return Problem{Name: variable, Value: path, Rule: "the file " + rule}, false
	}
	return Problem{}, true
}

// stray names a character that does not belong into the text of this setting.
// Types that read themselves name their own.
func (f field) stray(text string) string {
	if f.value.Kind() != reflect.String || unmarshals(f.value) {
		return ""
	}
	return stray(text, f.tag.Get("form"))
}

// doubt names what looks wrong about a secret without a form of its own.
func (f field) doubt() string {
	secret, ok := f.value.Interface().(Secret)
	if !ok || f.tag.Get("form") != "" {
		return ""
	}
	if what := doubtful(secret.Reveal()); what != "" {
		return f.name + " " + what + ", taken as a part of it"
	}
	return ""
}

// set decodes a text that does not come from a variable. Only texts have a
// _FILE form; envconfig decodes everything else.
func (f field) set(text string) error {
	if u, ok := f.value.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if f.value.Kind() != reflect.String {
		return errors.New("nothing: this setting has no file form")
	}
	f.value.SetString(text)
	return nil
}

func readSmall(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := bounded.ReadAll(f, maxFile)
	if errors.Is(err, bounded.ErrTooLong) {
		return "", errTooLong
	}
	return string(text), err
}

// words splits a Go name at its capitals: DataDir is DATA_DIR, TLSCertFile is
// TLS_CERT_FILE.
func words(name string) string {
	var out strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		startsWord := unicode.IsUpper(r) && i > 0 &&
			(!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if startsWord {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToUpper(r))
	}
	return out.String()
}
