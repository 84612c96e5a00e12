package settings

import (
	"fmt"
	"strings"
)

// Addresses are one [Address] or more, with commas between them, in the order in which
// they are to be tried. Each is read as an Address is, and gets the port of the field's
// tag where it has none.
type Addresses string

// maxAddresses bounds a list.
const maxAddresses = 16

// List returns them one by one.
func (a Addresses) List() []Address {
	if a == "" {
		return nil
	}
	var list []Address
	for text := range strings.SplitSeq(string(a), ",") {
		list = append(list, Address(text))
	}
	return list
}

// UnmarshalText reads a list. Those without a port get it from Load.
func (a *Addresses) UnmarshalText(text []byte) error {
	*a = ""
	if len(text) == 0 {
		return nil
	}
	parts := strings.Split(string(text), ",")
	if len(parts) > maxAddresses {
		return fmt.Errorf("at most %d addresses with commas between them", maxAddresses)
	}
	for i, part := range parts {
		var one Address
		err := one.UnmarshalText([]byte(part))
		if err == nil && one == "" {
			err = &addressError{"it is empty"}
		}
		if err != nil && len(parts) > 1 {
			err = fmt.Errorf("a list of addresses with commas between them, and number %d %w", i+1, err)
		}
		if err != nil {
			return err
		}
		parts[i] = string(one)
	}
	*a = Addresses(strings.Join(parts, ","))
	return nil
}
