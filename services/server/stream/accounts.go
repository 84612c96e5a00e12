package stream

import (
	"fmt"
	"strconv"
	"strings"
)

// Users of the nodes, in their configuration. SystemUser sees the nodes, and no stream.
const (
	SystemUser = "system"
	AdminUser  = "admin"
	ServerUser = "server"
)

// Account is the nodes' account that holds the streams.
const Account = "SEALPOST"

// Accounts is the part of the nodes' configuration that says who may do what to a log and a
// register, with no more rights than this package needs.
//
// Passwords stand as they are to be in the configuration: Quoted, or $NAME for a variable of
// the environment in which a node starts. "*" in the place of a name stands for every stream.
type Accounts struct {
	Log, Register string // names of the streams

	Server string // password of who publishes, reads, purges, and has leaders step down
	Admin  string // of who may besides create and change the streams
	System string // of who sees the nodes, "": nobody
}

// Quoted is how a password stands in a configuration as it is.
func Quoted(password string) string { return strconv.Quote(password) }

// String returns the text of the configuration.
func (a Accounts) String() string {
	var b strings.Builder
	b.WriteString("system_account: SYS\naccounts {\n  SYS {\n")
	if a.System != "" {
		fmt.Fprintf(&b, "    users: [{user: %q, password: %s}]\n", SystemUser, a.System)
	}
	fmt.Fprintf(&b, "    exports: [{service: %q, response_type: stream, accounts: [%s]}]\n", nodesSubject, Account)
	fmt.Fprintf(&b, "  }\n  %s {\n    jetstream: enabled\n", Account)
	fmt.Fprintf(&b, "    imports: [{service: {account: SYS, subject: %q}}]\n    users: [\n", nodesSubject)
	writeUser(&b, AdminUser, a.Admin, a.adminMay())
	writeUser(&b, ServerUser, a.Server, a.serverMay())
	b.WriteString("    ]\n  }\n}\n")
	return b.String()
}

// writeUser writes a user who may publish to subjects, and hear the answers.
func writeUser(b *strings.Builder, name, password string, subjects []string) {
	fmt.Fprintf(b, "      {user: %q, password: %s, permissions: {\n        publish: [\n", name, password)
	for _, subject := range subjects {
		fmt.Fprintf(b, "          %q\n", subject)
	}
	b.WriteString("        ]\n        subscribe: [\"_INBOX.>\"]\n      }}\n")
}

// adminMay leaves no way around the subjects of the two streams: another stream may hold
// others, and nobody may publish to them.
func (a Accounts) adminMay() []string {
	return append(a.publishing(), "$JS.API.>")
}

func (a Accounts) serverMay() []string {
	may := a.publishing()
	for _, name := range a.names() {
		may = append(may, "$JS.API.STREAM.INFO."+name, "$JS.API.STREAM.MSG.GET."+name)
	}
	return append(may,
		"$JS.API.STREAM.PURGE."+a.Log, "$JS.API.STREAM.LEADER.STEPDOWN."+a.Log,
		"$JS.API.CONSUMER.CREATE."+a.Log+".*", "$JS.API.CONSUMER.MSG.NEXT."+a.Log+".*")
}

// publishing is what both users may.
func (a Accounts) publishing() []string {
	may := []string{nodesSubject}
	for _, name := range a.names() {
		may = append(may, Subject(name))
	}
	return may
}

// names are those of the streams, each once.
func (a Accounts) names() []string {
	if a.Log == a.Register {
		return []string{a.Log}
	}
	return []string{a.Log, a.Register}
}
