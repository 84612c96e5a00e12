package setup

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sealpost/shared/durable"
)

// maxID is the largest user or group id; the one above means "no change".
const maxID = 1<<32 - 2

var errOwner = errors.New("a user id such as 65532, or uid:gid, or empty to change no owner")

// Owner is the user and group that a volume belongs to. The zero value means
// that owners are left as they are.
type Owner struct {
	change   bool
	uid, gid uint32
}

// UnmarshalText reads "", "UID" (the group has the same number) or "UID:GID".
func (o *Owner) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*o = Owner{}
		return nil
	}
	user, group, both := strings.Cut(string(text), ":")
	if !both {
		group = user
	}
	uid, err := parseID(user)
	if err != nil {
		return err
	}
	gid, err := parseID(group)
	if err != nil {
		return err
	}
	*o = Owner{change: true, uid: uid, gid: gid}
	return nil
}

// String returns the form that UnmarshalText reads.
func (o Owner) String() string {
	if !o.change {
		return ""
	}
	return fmt.Sprintf("%d:%d", o.uid, o.gid)
}

func parseID(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > maxID {
		return 0, errOwner
	}
	return uint32(n), nil
}

// heir is the owner of what is made.
func (o Owner) heir() durable.Owner {
	if !o.change {
		return durable.Keep
	}
	return durable.Owner{UID: int(o.uid), GID: int(o.gid)}
}
