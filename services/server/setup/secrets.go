package setup

import (
	"crypto/rand"
	"errors"
	"strings"

	"sealpost/services/server/state"
	"sealpost/shared/crypto/token"
	"sealpost/shared/durable"
	"sealpost/shared/logging/trail"
)

// maxFile bounds what is read back of a file, in bytes.
const maxFile = 64 << 10

// File names in the secrets' volumes.
const (
	tokenFile       = "token"
	identityFile    = "identity"
	passwordFile    = "password"
	ftpPasswordFile = "ftp_password"
	ftpCAFile       = "ftp_ca.pem"
	certFile        = "cert.pem"
	keyFile         = "key.pem"
)

// secrets fills the client's volume, and the pin in the driver's.
func (r *run) secrets(st *state.State) error {
	if err := r.token(st); err != nil {
		return err
	}
	pin := st.Pins().String()
	for _, dir := range []*durable.Dir{r.vol.client, r.vol.driver} {
		if err := r.keep(dir, identityFile, pin); err != nil {
			return err
		}
	}
	_, err := r.once(r.vol.client, passwordFile, r.Owner)
	return err
}

// token keeps the client's token as long as the state knows it.
func (r *run) token(st *state.State) error {
	kept, err := readSecret(r.vol.client, tokenFile)
	if err != nil {
		return err
	}
	if sender, ok := st.Authenticate(kept); ok && sender == senderName {
		return r.keep(r.vol.client, tokenFile, kept)
	}
	if err := r.unshared(tokenFile); err != nil {
		return err
	}
	made, err := st.AddSender(senderName)
	if errors.Is(err, state.ErrTwoTokens) {
		made, err = r.replaceOldest(st)
	}
	if err != nil {
		return err
	}
	r.record(trail.SenderAdded, 1)
	return r.keep(r.vol.client, tokenFile, made.Reveal())
}

// replaceOldest makes a token in the place of the oldest, which nobody has any more:
// the client's volume was lost twice.
func (r *run) replaceOldest(st *state.State) (token.Token, error) {
	removed, err := st.RemoveSender(senderName, true)
	if err != nil {
		return token.Token{}, err
	}
	r.record(trail.SenderRemoved, removed)
	return st.AddSender(senderName)
}

func (r *run) record(step trail.Step, tokens int) {
	trail.Mark(r.log.Info(), step, trail.ByUser()).Str("sender", senderName).Int("tokens", tokens).
		Msg("the tokens of a sender have changed")
}

// once returns the secret in a file and makes a random one where there is none.
func (r *run) once(dir *durable.Dir, name string, owner Owner) (string, error) {
	secret, err := readSecret(dir, name)
	if err != nil {
		return "", err
	}
	if secret == "" {
		secret = rand.Text() // 26 letters and digits, 130 bits
		r.log.Info().Str("file", name).Msg("password made")
	}
	return secret, put(dir, name, []byte(secret+"\n"), secretMode, owner)
}

// keep puts a line into a secrets file of the common owner. It is written
// again even where it is there already, which also sets owner and mode right.
func (r *run) keep(dir *durable.Dir, name, line string) error {
	return put(dir, name, []byte(line+"\n"), secretMode, r.Owner)
}

// readSecret returns the line in a file, "" where the file is missing.
func readSecret(dir *durable.Dir, name string) (string, error) {
	text, err := readIfThere(dir, name)
	return strings.TrimSuffix(string(text), "\n"), err
}
