package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"sealpost/services/server/daemon"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/quota"
	"sealpost/services/server/state"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// senderRow is what is known of a sender. Its fields in JSON keep their names and
// meanings; there may come to be others.
type senderRow struct {
	Sender string     `json:"sender"`
	Tokens []tokenRow `json:"tokens"` // oldest first
	Limits limitsRow  `json:"limits"`
	Sent   *sentRow   `json:"sent,omitempty"` // nil: the log volume cannot be read
}

type tokenRow struct {
	Created time.Time `json:"created"`
	Age     int64     `json:"age_seconds"`
}

// limitsRow has 0 for no limit.
type limitsRow struct {
	BytesPerDay uint64  `json:"max_bytes_per_day"`
	Rate        float64 `json:"max_rate"`
}

// sentRow is what the logbook has of a sender, retired messages included.
type sentRow struct {
	Messages uint64     `json:"messages"`
	Bytes    uint64     `json:"bytes"` // deciphered
	Today    uint64     `json:"bytes_today"`
	Last     *time.Time `json:"last_message,omitempty"`
}

func listSenders(ctx context.Context, args []string, std voice.Streams) error {
	asJSON, err := wantsJSON("sender list [-json]", args)
	if err != nil {
		return err
	}
	var config volumesConfig
	if _, err := settings.Load(daemon.Prefix, &config); err != nil {
		return err
	}
	st, err := config.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	rows, err := knownSenders(st, time.Now())
	if err != nil {
		return err
	}
	if sent, err := sentBySenders(config.DataDir, st, time.Now()); err != nil {
		speak.Remark(std.Err, []string{"what was sent is not shown: " +
			(&daemon.DirError{Setting: "SERVER_DATA_DIR", Dir: config.DataDir, Err: err}).Error()})
	} else {
		for i := range rows {
			one := sent[rows[i].Sender]
			rows[i].Sent = &one
		}
	}
	if asJSON {
		return printJSON(std.Out, rows)
	}
	return printTable(std.Out, rows)
}

// wantsJSON reads the flags of a command that takes no other argument.
func wantsJSON(usage string, args []string) (asJSON bool, err error) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&asJSON, "json", false, "")
	if err := flags.Parse(args); err != nil {
		return false, usageError("%s: %v", usage, err)
	}
	return asJSON, noArguments("sender list", flags.Args())
}

// knownSenders lists those who have tokens or limits, by name.
func knownSenders(st *state.State, now time.Time) ([]senderRow, error) {
	senders, err := st.Senders()
	if err != nil {
		return nil, err
	}
	limits, err := st.AllLimits()
	if err != nil {
		return nil, err
	}
	rows := make(map[string]senderRow)
	for name := range limits {
		rows[name] = senderRow{Sender: name, Tokens: []tokenRow{}}
	}
	for _, s := range senders {
		row := senderRow{Sender: s.Name}
		for _, created := range s.Created {
			row.Tokens = append(row.Tokens, tokenRow{created.UTC(), int64(max(0, now.Sub(created)) / time.Second)})
		}
		rows[s.Name] = row
	}
	var list []senderRow
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		row := rows[name]
		row.Limits = limitsRow(limits[name])
		list = append(list, row)
	}
	return list, nil
}

// sentBySenders adds up the manifest.
func sentBySenders(dir string, st *state.State, now time.Time) (map[string]sentRow, error) {
	day, err := st.QuotaDay()
	if err != nil {
		return nil, err
	}
	today := day.Date.Equal(quota.DateOf(now))
	sent := make(map[string]sentRow)
	err = local.View(dir, func(e logfile.Entry) error {
		row := sent[e.Sender]
		row.Messages++
		row.Bytes += e.Size
		if today && e.Seq >= day.First {
			row.Today += e.Size
		}
		if at := e.ReceivedAt.UTC(); row.Last == nil || at.After(*row.Last) {
			row.Last = &at
		}
		sent[e.Sender] = row
		return nil
	})
	return sent, err
}

func printJSON(out io.Writer, rows []senderRow) error {
	for _, row := range rows {
		text, err := message.JSON(row)
		if err != nil {
			return err
		}
		if _, err := out.Write(text); err != nil {
			return err
		}
	}
	return nil
}

func printTable(out io.Writer, rows []senderRow) error {
	if len(rows) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SENDER\tTOKENS\tLAST MESSAGE\tMESSAGES\tBYTES\tTODAY\tMOST A DAY\tMOST A SECOND")
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row.cells(), "\t"))
	}
	return table.Flush()
}

func (r senderRow) cells() []string {
	const none = "-"
	var tokens []string
	for _, t := range r.Tokens {
		tokens = append(tokens, fmt.Sprintf("%s (%dd)", t.Created.Format(time.RFC3339), t.Age/(24*60*60)))
	}
	cells := []string{r.Sender, strings.Join(tokens, ", "), none, none, none, none, none, none}
	if len(tokens) == 0 {
		cells[1] = none
	}
	if s := r.Sent; s != nil {
		if s.Last != nil {
			cells[2] = s.Last.Truncate(time.Second).Format(time.RFC3339)
		}
		cells[3], cells[4] = strconv.FormatUint(s.Messages, 10), strconv.FormatUint(s.Bytes, 10)
		cells[5] = strconv.FormatUint(s.Today, 10)
	}
	if most := r.Limits.BytesPerDay; most > 0 {
		cells[6] = settings.Bytes(most).String()
	}
	if most := r.Limits.Rate; most > 0 {
		cells[7] = strconv.FormatFloat(most, 'g', -1, 64)
	}
	return cells
}
