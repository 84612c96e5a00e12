package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"sealpost/services/server/cluster"
	"sealpost/services/server/daemon"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/state"
	"sealpost/services/server/state/shared"
	"sealpost/shared/arguments"
	"sealpost/shared/logging/trail"
	"sealpost/shared/message"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

const clusterUsage = `usage: server cluster COMMAND

  server cluster key          print a new key, for the file that all servers are to have
  server cluster accounts     print the part of the nodes' configuration that says who may
                              do what, where init is given later: the log has the name
                              of the logbook in the state volume
  server cluster init NAME... begin a cluster of these servers, with the state volume
                              of the first; again it changes nothing
      -replicas 3             nodes that keep each stream, 3 or 5
      -max-bytes 64GiB        that the replicated log may take on each of them
  server cluster import NAME...
                              as init, and go on from the messages of a server that
                              had them alone, and is stopped
  server cluster join [NAME]  have a server counted: this one, or NAME
  server cluster forget NAME  count a server no more
  server cluster leave        make this server's volumes those of one that is alone, with the
                              server stopped; the others must not go on
      -yes                    without asking
  server cluster status       show nodes, servers, and how full the log is
      -json                   as one JSON object
  server cluster upgrade      have this command's TZ, SERVER_LOG_CIPHERTEXT_MAX and
                              SERVER_LOG_LAYOUT hold for messages from now on
  server cluster void N       have all servers pass the entry at position N of the log, in
                              front of which they all stand since none can keep it

Settings are those of the server, with SERVER_LOGBOOK=nats. init and import need a
user of the nodes that may create streams; all others take the servers' own.
`

var clusterCommands = map[string]command{
	"key":      clusterKey,
	"accounts": clusterAccounts,
	"init":     clusterInit,
	"import":   clusterImport,
	"join":     clusterJoin,
	"forget":   clusterForget,
	"leave":    clusterLeave,
	"status":   clusterStatus,
	"upgrade":  clusterUpgrade,
	"void":     clusterVoid,
}

func clusterCommand(ctx context.Context, args []string, std voice.Streams) error {
	if len(args) == 0 {
		return usageError("cluster COMMAND: server cluster -h shows them")
	}
	cmd, ok := clusterCommands[args[0]]
	if !ok {
		return usageError("no command %q", "cluster "+args[0])
	}
	return cmd(ctx, args[1:], std)
}

func clusterKey(_ context.Context, args []string, std voice.Streams) error {
	if err := noArguments("cluster key", args); err != nil {
		return err
	}
	key, err := shared.NewKey()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.Out, key.Reveal())
	return err
}

func clusterAccounts(_ context.Context, args []string, std voice.Streams) error {
	if err := noArguments("cluster accounts", args); err != nil {
		return err
	}
	var config accountsConfig
	if _, err := settings.Load(daemon.Prefix, &config); err != nil {
		return err
	}
	return inState(config.StateDir, std, func(st *state.State, std voice.Streams) error {
		_, err := fmt.Fprint(std.Out, cluster.Accounts(st.LogbookID()))
		return err
	})
}

// aloneConfig names the volumes.
type aloneConfig struct {
	DataDir string `default:"/data" required:"true"`
	accountsConfig
}

// accountsConfig is all that the accounts depend on: there are no nodes yet.
type accountsConfig struct {
	StateDir string `default:"/state" required:"true"`
}

// clusterConfig is what the commands for several servers need.
type clusterConfig struct {
	LogCiphertextMax settings.Bytes `default:"1MiB" min:"1B"`
	LogLayout        string         `default:"flat" oneof:"flat,sharded"`
	volumesConfig
}

// Check reports what is missing.
func (c *clusterConfig) Check() []settings.Problem {
	problems := c.volumesConfig.Check()
	if !c.InCluster() {
		problems = append(problems, settings.Problem{Name: "SERVER_LOGBOOK", Value: c.Logbook,
			Rule: "must be nats for a cluster"})
	}
	return problems
}

func loadCluster() (config clusterConfig, err error) {
	_, err = settings.Load(daemon.Prefix, &config)
	return config, err
}

// errZone means that other servers would not know the zone.
var errZone = errors.New("TZ must be a zone of the IANA database, such as Europe/Berlin: all servers must have it")

// rules are what the bytes of log files depend on.
func (c *clusterConfig) rules() (entry.Settings, error) {
	zone, err := settings.Zone()
	if err != nil {
		return entry.Settings{}, err
	}
	if known, err := time.LoadLocation(zone.String()); err != nil || entry.RulesOf(known) != entry.RulesOf(zone) {
		return entry.Settings{}, errZone
	}
	return entry.Settings{Zone: zone.String(), ZoneRules: entry.RulesOf(zone),
		CiphertextMax: uint64(c.LogCiphertextMax), Sharded: c.LogLayout == "sharded"}, nil
}

func clusterInit(ctx context.Context, args []string, std voice.Streams) error {
	return beginCluster(ctx, "cluster init", args, std, false)
}

func clusterImport(ctx context.Context, args []string, std voice.Streams) error {
	return beginCluster(ctx, "cluster import", args, std, true)
}

func beginCluster(ctx context.Context, name string, args []string, std voice.Streams, imports bool) error {
	usage := name + " [-replicas 3] [-max-bytes SIZE] NAME..."
	begin := cluster.Beginning{Import: imports}
	most := settings.Bytes(64 << 30)
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&begin.Replicas, "replicas", 3, "")
	flags.Var(&limitFlag{set: func(text string) error { return most.UnmarshalText([]byte(text)) }}, "max-bytes", "")
	names, err := arguments.Scatter(flags, args)
	if err != nil || len(names) == 0 {
		return usageError("%s", usage)
	}
	if begin.Replicas != 3 && begin.Replicas != 5 {
		return usageError("%s: -replicas must be 3 or 5", name)
	}
	if most < leastLog {
		return usageError("%s: -max-bytes must be at least %s", name, leastLog)
	}
	for _, one := range names {
		if err := cluster.CheckName(one); err != nil {
			return usageError("%s: %q %v", name, one, err)
		}
	}
	config, err := loadCluster()
	if err != nil {
		return err
	}
	begin.DataDir, begin.Servers, begin.MaxBytes = config.DataDir, names, int64(most)
	if begin.Settings, err = config.rules(); err != nil {
		return err
	}
	id, err := cluster.Begin(ctx, config.clusterConfig(), begin)
	if err != nil {
		return err
	}
	record(std, trail.ClusterBegun).Str("logbook", id).Strs("servers", names).Msg("the cluster has begun")
	_, err = fmt.Fprintf(std.Out, "logbook %s\nservers %v\n", id, names)
	return err
}

// leastLog leaves room for the places at which the log is trimmed.
const leastLog = settings.Bytes(1 << 30)

// withCluster reaches the cluster for a command.
func withCluster(ctx context.Context, do func(context.Context, clusterConfig, *cluster.Cluster, string) error) error {
	config, err := loadCluster()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, clusterPatience)
	defer cancel()
	others, err := config.connect(ctx)
	if err != nil {
		return err
	}
	defer others.Close()
	return inState(config.StateDir, voice.Streams{}, func(st *state.State, _ voice.Streams) error {
		return do(ctx, config, others, st.LogbookID())
	})
}

func clusterJoin(ctx context.Context, args []string, std voice.Streams) error {
	names := arguments.Operands(args)
	if len(names) > 1 {
		return usageError("cluster join [NAME]")
	}
	return withCluster(ctx, func(ctx context.Context, config clusterConfig, c *cluster.Cluster, id string) error {
		name := config.ClusterName
		if len(names) == 1 {
			name = names[0]
		}
		if err := cluster.CheckName(name); err != nil {
			return usageError("cluster join: %q %v", name, err)
		}
		if err := c.Join(ctx, id, config.DataDir, name); err != nil {
			return err
		}
		record(std, trail.ClusterJoined).Str("server", name).Msg("a server counts in the replicated log")
		_, err := fmt.Fprintf(std.Out, "%s counts: the replicated log waits for it\n", name)
		return err
	})
}

func clusterForget(ctx context.Context, args []string, std voice.Streams) error {
	name, err := oneArgument("cluster forget NAME", args, func(*flag.FlagSet) {})
	if err != nil {
		return err
	}
	return withCluster(ctx, func(ctx context.Context, config clusterConfig, c *cluster.Cluster, id string) error {
		if err := c.Forget(ctx, id, config.DataDir, name); err != nil {
			return err
		}
		record(std, trail.ClusterForgotten).Str("server", name).Msg("a server counts in the replicated log no more")
		_, err := fmt.Fprintf(std.Out, "%s counts no more\n", name)
		return err
	})
}

// clusterLeave needs no nodes: they may be gone.
func clusterLeave(_ context.Context, args []string, std voice.Streams) error {
	var yes bool
	err := parseFlags("cluster leave", args, func(f *flag.FlagSet) { f.BoolVar(&yes, "yes", false, "") })
	if err != nil {
		return err
	}
	var config aloneConfig
	if _, err := settings.Load(daemon.Prefix, &config); err != nil {
		return err
	}
	fmt.Fprintf(std.Err, "log volume %s and state volume %s are to be those of a server that has the logbook alone.\n"+
		"No other server may go on with it: two logbooks would be signed under one id.\n", config.DataDir, config.StateDir)
	if !yes {
		if err := confirm(std); err != nil {
			return err
		}
	}
	if err := cluster.Leave(config.DataDir, config.StateDir); err != nil {
		return err
	}
	record(std, trail.ClusterLeft).Msg("the server has left the others")
	_, err = fmt.Fprintln(std.Out, "the volumes are those of a server that is alone: SERVER_LOGBOOK=local")
	return err
}

func clusterVoid(ctx context.Context, args []string, std voice.Streams) error {
	text, err := oneArgument("cluster void N", args, func(*flag.FlagSet) {})
	if err != nil {
		return err
	}
	position, err := strconv.ParseUint(text, 10, 64)
	if err != nil || position == 0 {
		return usageError("cluster void: %q must be a position in the replicated log", text)
	}
	return withCluster(ctx, func(ctx context.Context, config clusterConfig, c *cluster.Cluster, id string) error {
		if err := c.Void(ctx, id, config.DataDir, position); err != nil {
			return err
		}
		record(std, trail.ClusterVoided).Uint64("position", position).Msg("an entry of the replicated log is void")
		_, err := fmt.Fprintf(std.Out, "the entry at position %d is void\n", position)
		return err
	})
}

func clusterUpgrade(ctx context.Context, args []string, std voice.Streams) error {
	if err := noArguments("cluster upgrade", args); err != nil {
		return err
	}
	return withCluster(ctx, func(ctx context.Context, config clusterConfig, c *cluster.Cluster, id string) error {
		rules, err := config.rules()
		if err != nil {
			return err
		}
		changed, err := c.Upgrade(ctx, id, config.DataDir, rules)
		if err != nil {
			return err
		}
		outcome := "they hold already"
		if changed {
			outcome = "they hold for all messages from now on"
			record(std, trail.ClusterUpgraded).Str("zone", rules.Zone).Uint64("ciphertext_max", rules.CiphertextMax).
				Bool("sharded", rules.Sharded).Msg("log files are written by other settings")
		}
		_, err = fmt.Fprintf(std.Out, "zone %s, %s of ciphertext, layout %s: %s\n", rules.Zone,
			settings.Bytes(rules.CiphertextMax), config.LogLayout, outcome)
		return err
	})
}

func clusterStatus(ctx context.Context, args []string, std voice.Streams) error {
	asJSON, err := wantsJSON("cluster status [-json]", args)
	if err != nil {
		return err
	}
	return withCluster(ctx, func(ctx context.Context, config clusterConfig, c *cluster.Cluster, id string) error {
		status, err := c.Status(ctx, id, config.DataDir)
		if err != nil {
			return err
		}
		if asJSON {
			text, err := message.JSON(status)
			if err == nil {
				_, err = std.Out.Write(text)
			}
			return err
		}
		return printStatus(std.Out, status)
	})
}

func printStatus(out io.Writer, s cluster.Status) error {
	fmt.Fprintf(out, "logbook %s\nlog     entries %d to %d, %s of %s", s.Logbook, s.First, s.Last,
		humanize.IBytes(s.Bytes), humanize.IBytes(uint64(max(s.MaxBytes, 0))))
	if s.MaxBytes > 0 {
		fmt.Fprintf(out, " (%d%%)", 100*s.Bytes/uint64(s.MaxBytes))
	}
	fmt.Fprintln(out)
	if s.Unfit != "" {
		fmt.Fprintln(out, "unfit  ", message.Visible(s.Unfit))
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NODE\tSTATE\tLAG")
	for _, n := range s.Nodes {
		state := "follows"
		switch {
		case n.Leads:
			state = "leads"
		case n.Missing:
			state = "missing"
		}
		fmt.Fprintln(table, message.Visible(n.Name)+"\t"+state+"\t"+strconv.FormatUint(n.Lag, 10))
	}
	fmt.Fprintln(table, "SERVER\tKEEPS UP TO\tLAG\tREAD")
	for _, v := range s.Servers {
		read := "the same"
		if v.Differs {
			read = "something else"
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\n", message.Visible(v.Name), v.Durable, v.Lag, read)
	}
	return table.Flush()
}
