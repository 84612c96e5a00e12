package state

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/shared/crypto/token"
	"sealpost/shared/message"
)

func add(t *testing.T, s *State, name string) token.Token {
	t.Helper()
	tok, err := s.AddSender(name)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// known fails when Authenticate and StillValid do not both say want.
func known(t *testing.T, s *State, tok token.Token, want bool) {
	t.Helper()
	sender, ok := s.Authenticate(tok.Reveal())
	if ok != want || ok && sender != tok.Sender() || !ok && sender != "" {
		t.Errorf("Authenticate(%v) = %q, %t, want %t", tok, sender, ok, want)
	}
	if valid := s.StillValid(tok.Hash()); valid != want {
		t.Errorf("StillValid(%v) = %t, want %t", tok, valid, want)
	}
}

func TestSenders(t *testing.T) {
	s := open(t, t.TempDir())
	first, other := add(t, s, "store-17"), add(t, s, "a.b_c")
	second := add(t, s, "store-17")
	for _, tok := range []token.Token{first, second, other} {
		known(t, s, tok, true)
	}
	if _, err := s.AddSender("store-17"); !errors.Is(err, ErrTwoTokens) {
		t.Errorf("a third token: error %v, want ErrTwoTokens", err)
	}
	list, err := s.Senders()
	if err != nil || len(list) != 2 || list[0].Name != "a.b_c" || len(list[1].Created) != 2 {
		t.Errorf("listed %v, %v", list, err)
	}
	if n, err := s.RemoveSender("store-17", true); n != 1 || err != nil {
		t.Errorf("removed %d, %v, want the older one", n, err)
	}
	known(t, s, first, false)
	known(t, s, second, true)
	if n, err := s.RemoveSender("store-17", true); n != 0 || err != nil {
		t.Errorf("removed %d, %v, want none: the newest stays", n, err)
	}
	third := add(t, s, "store-17")
	if n, err := s.RemoveSender("store-17", false); n != 2 || err != nil {
		t.Errorf("removed %d, %v, want both", n, err)
	}
	known(t, s, second, false)
	known(t, s, third, false)
	known(t, s, other, true)
	if n, err := s.RemoveSender("store-17", false); n != 0 || !errors.Is(err, ErrUnknownSender) {
		t.Errorf("removed %d, %v, want ErrUnknownSender", n, err)
	}
}

func TestAddRefusesBadNames(t *testing.T) {
	s := open(t, t.TempDir())
	for _, name := range []string{"", "-", "a b", "a\nb", strings.Repeat("x", 65)} {
		var bad *message.NameError
		if _, err := s.AddSender(name); !errors.As(err, &bad) {
			t.Errorf("AddSender(%q): error %v", name, err)
		}
	}
}

func TestAuthenticateRefuses(t *testing.T) {
	s := open(t, t.TempDir())
	if _, ok := s.Authenticate(""); ok {
		t.Error("the empty token counts with no senders")
	}
	good := add(t, s, "demo").Reveal()
	stranger, err := token.New("demo")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "another token of the sender": stranger.Reveal(),
		"another sender": strings.Replace(good, "demo", "Demo", 1),
		"no sender":      strings.Replace(good, "demo:", "", 1), "cut": good[:len(good)-1], "longer": good + "A",
		"line end": good + "\n",
	} {
		if sender, ok := s.Authenticate(text); ok || sender != "" {
			t.Errorf("%s: taken for %q", name, sender)
		}
	}
}

func TestOnlyTheHashIsKept(t *testing.T) {
	dir := t.TempDir()
	tok := add(t, open(t, dir), "demo")
	_, secret, _ := strings.Cut(strings.TrimPrefix(tok.Reveal(), token.Prefix), ":")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil || strings.Contains(string(text), secret) {
			t.Errorf("%s holds the secret, or cannot be read: %v", entry.Name(), err)
		}
	}
	hash := tok.Hash()
	text, err := os.ReadFile(filepath.Join(dir, sendersFile))
	if err != nil || !strings.HasPrefix(string(text), `{"sender":"demo","created":"`) ||
		!strings.HasSuffix(string(text), `","sha256":"`+hex.EncodeToString(hash[:])+"\"}\n") {
		t.Errorf("the file holds %q, %v", text, err)
	}
}

// Two States on one directory are what a server and a command beside it are.
func TestChangesReachARunningServer(t *testing.T) {
	dir := t.TempDir()
	server, command := open(t, dir), open(t, dir)
	for range 50 { // many changes within one tick of the file system's clock
		tok := add(t, command, "demo")
		known(t, server, tok, true)
		if _, err := command.RemoveSender("demo", false); err != nil {
			t.Fatal(err)
		}
		known(t, server, tok, false)
	}
	// A file edited in place.
	tok, err := token.New("by-hand")
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf(`{"sender": "by-hand", "created": "2026-01-02T03:04:05Z", "sha256": "%x"}`, tok.Hash())
	if err := os.WriteFile(filepath.Join(dir, sendersFile), []byte("\n"+line+"\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	known(t, server, tok, true)
}

func TestConcurrentChanges(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	for i := range 8 {
		s := open(t, dir)
		group.Go(func() {
			tok, err := s.AddSender(fmt.Sprintf("s%d", i))
			if err != nil {
				t.Error(err)
				return
			}
			if _, ok := s.Authenticate(tok.Reveal()); !ok {
				t.Error("the token just made is unknown")
			}
		})
	}
	group.Wait()
	if list, err := open(t, dir).Senders(); err != nil || len(list) != 8 {
		t.Errorf("%d senders, %v, want 8", len(list), err)
	}
}

// While one changes the directory all others wait, though they have begun.
func TestChangesExcludeEachOther(t *testing.T) {
	const all = 8
	s := open(t, t.TempDir())
	var group sync.WaitGroup
	var begun, inside atomic.Int32
	for range all {
		group.Go(func() {
			begun.Add(1)
			err := s.locked(func() error {
				if inside.Add(1) > 1 {
					t.Error("two change it at once")
				}
				for n := 0; n < 1000 || begun.Load() < all; n++ {
					runtime.Gosched() // to those who have begun
				}
				inside.Add(-1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// What was valid stays valid while the file cannot be used, and it is said.
func TestDamagedWhileRunning(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	tok := add(t, s, "demo")
	path := filepath.Join(dir, sendersFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append([]byte("{\n"), good...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); !errors.Is(err, ErrSendersFile) || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("damaged: Check says %v", err)
	}
	known(t, s, tok, true)
	if _, err := s.AddSender("other"); !errors.Is(err, ErrSendersFile) {
		t.Errorf("damaged: AddSender says %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed: Check says %v", err)
	}
	known(t, s, tok, true)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); err != nil {
		t.Errorf("restored: Check says %v", err)
	}
	known(t, s, tok, false)
}

func TestTokens(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	good := `{"sender":"demo","created":"2026-01-02T03:04:05Z","sha256":"` + hash + `"}`
	for _, text := range []string{"", "\n", good, good + "\n", "  " + good + " \r\n\n" + good + "\n"} {
		if _, err := parseTokens([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for name, text := range map[string]string{
		"no object":     "[]",
		"two objects":   good + good,
		"more after it": good + "x",
		"a bracket":     good + "]",
		"unknown field": strings.Replace(good, `{`, `{"admin":true,`, 1),
		"no hash":       strings.Replace(good, `,"sha256":"`+hash+`"`, "", 1),
		"short hash":    strings.Replace(good, hash, hash[2:], 1),
		"no hex":        strings.Replace(good, "abab", "xyxy", 1),
		"zero hash":     strings.Replace(good, hash, strings.Repeat("0", 64), 1),
		"bad sender":    strings.Replace(good, "demo", "-", 1),
		"no sender":     strings.Replace(good, `"sender":"demo",`, "", 1),
		"bad time":      strings.Replace(good, "2026", "x", 1),
		"cut":           good[:len(good)-1],
	} {
		if tokens, err := parseTokens([]byte("\n" + text + "\n")); !errors.Is(err, ErrSendersFile) || tokens != nil {
			t.Errorf("%s: %v, error %v, want ErrSendersFile", name, tokens, err)
		}
	}
}

// FuzzTokens: a file of senders that is damaged is refused as a whole, and what
// is read is the same when it is written again.
func FuzzTokens(f *testing.F) {
	f.Add(`{"sender":"demo","created":"2026-01-02T03:04:05Z","sha256":"` + strings.Repeat("ab", 32) + `"}`)
	f.Add("{}\n\n[]")
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := parseTokens([]byte(text))
		if err != nil && (tokens != nil || !errors.Is(err, ErrSendersFile)) {
			t.Fatalf("%d tokens beside %v", len(tokens), err)
		}
		var again strings.Builder
		for _, r := range tokens {
			line, err := json.Marshal(r)
			if err != nil {
				t.Fatalf("%+v cannot be written: %v", r, err)
			}
			fmt.Fprintf(&again, "%s\n", line)
		}
		same, err := parseTokens([]byte(again.String()))
		if err != nil || !slices.EqualFunc(same, tokens, equalToken) {
			t.Fatalf("%q is written again as %q: %v", text, again.String(), err)
		}
		for _, r := range tokens {
			if message.CheckSender(r.Sender) != nil || r.SHA256 == (digest{}) {
				t.Fatalf("%q gives %+v", text, r)
			}
		}
	})
}

// A clock that goes back neither hides a change of the file nor makes another
// token the newest.
func TestClockGoesBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	first, second := add(t, s, "demo"), add(t, s, "demo")
	path := filepath.Join(dir, sendersFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The second token was made an hour before the first; edited in place, by a
	// clock that is behind too.
	lines := strings.SplitAfter(string(text), "\n")
	was := regexp.MustCompile(`"created":"[^"]*"`)
	edited := was.ReplaceAllString(lines[0], `"created":"2026-01-02T04:04:05Z"`) +
		was.ReplaceAllString(lines[1], `"created":"2026-01-02T03:04:05Z"`)
	if err := os.WriteFile(path, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Unix(1_000_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	list, err := s.Senders()
	if err != nil || len(list) != 1 || list[0].Created[0].Hour() != 4 || list[0].Created[1].Hour() != 3 {
		t.Fatalf("listed %v, %v", list, err)
	}
	if n, err := s.RemoveSender("demo", true); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	known(t, s, first, false)
	known(t, s, second, true)
}

func equalToken(a, b knownToken) bool {
	return a.Sender == b.Sender && a.SHA256 == b.SHA256 && a.Created.Equal(b.Created)
}
