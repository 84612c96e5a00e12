package settings

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// broken returns the rule that the decoded value breaks, or "".
func (f field) broken() string {
	if f.tag.Get("required") == "true" && f.value.IsZero() {
		return "must be set"
	}
	if list, ok := f.tag.Lookup("oneof"); ok {
		choices := strings.Split(list, ",")
		if !slices.Contains(choices, f.value.String()) {
			return "must be one of: " + strings.Join(choices, ", ")
		}
	}
	low, err := f.bound("min")
	if err != nil || low.IsValid() && compare(f.value, low) < 0 {
		return "must be at least " + f.tag.Get("min")
	}
	high, err := f.bound("max")
	if err != nil || high.IsValid() && compare(f.value, high) > 0 {
		return "must be at most " + f.tag.Get("max")
	}
	return ""
}

// bound decodes a min or max tag as envconfig decodes the field.
func (f field) bound(tag string) (reflect.Value, error) {
	text, ok := f.tag.Lookup(tag)
	if !ok {
		return reflect.Value{}, nil
	}
	limit := field{
		name:  tag + "=", // no variable can have this name, so the default is taken
		tag:   reflect.StructTag("default:" + strconv.Quote(text)),
		value: reflect.New(f.value.Type()).Elem(),
	}
	err := limit.process()
	return limit.value, err
}

func compare(a, b reflect.Value) int {
	switch {
	case a.CanInt():
		return order(a.Int() < b.Int(), a.Int() == b.Int())
	case a.CanUint():
		return order(a.Uint() < b.Uint(), a.Uint() == b.Uint())
	case a.CanFloat():
		return order(a.Float() < b.Float(), a.Float() == b.Float())
	}
	return 0 // nothing else has bounds
}

func order(less, equal bool) int {
	switch {
	case less:
		return -1
	case equal:
		return 0
	}
	return 1
}
