package auth

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// WLCG says where WLCG's Bearer Token Discovery looks for a token (https://zenodo.org/records/3937438).
type WLCG struct {
	BearerToken     rucio.Secret // $BEARER_TOKEN
	BearerTokenFile string       // $BEARER_TOKEN_FILE
	RuntimeDir      string       // $XDG_RUNTIME_DIR
	TempDir         string       // /tmp; empty: not looked at
	UID             int          // the effective user ID
}

// Token returns the token that the discovery finds; empty when there is none. Files are read anew each time: whoever keeps them
// fresh puts a new token there.
func (w WLCG) Token() (rucio.Secret, error) {
	token, _, err := w.find()
	if err != nil {
		return "", &Error{Kind: Config, Attempt: "read a bearer token", Problem: err.Error(), Err: err}
	}
	return token, nil
}

// find returns the token and where it was found, both empty when there is none. It goes the way of Python's client: a file
// that is not there, or empty, is passed over; one that cannot be read ends the search with an error. (Python:
// rucio.common.utils.wlcg_token_discovery)
func (w WLCG) find() (token rucio.Secret, origin string, err error) {
	if text := strings.TrimSpace(w.BearerToken.Reveal()); text != "" {
		return rucio.Secret(text), "BEARER_TOKEN", nil
	}
	name := "bt_u" + strconv.Itoa(w.UID)
	for _, place := range []struct{ folder, file, called string }{
		{"", w.BearerTokenFile, "BEARER_TOKEN_FILE (%s)"},
		{w.RuntimeDir, name, "%s"},
		{w.TempDir, name, "%s"},
	} {
		path := place.file
		if place.called == "%s" {
			if place.folder == "" {
				continue
			}
			path = filepath.Join(place.folder, place.file)
		}
		if path == "" {
			continue
		}
		origin = fmt.Sprintf(place.called, path)
		text, err := readToken(path, place.folder != "")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", origin, fmt.Errorf("%s: %w", origin, reason(err))
		}
		if text.IsSet() {
			return text, origin, nil
		}
	}
	return "", "", nil
}

// readToken reads a file that holds a token and nothing else but white space; empty when it holds only that. With private,
// a file that another user made is refused.
func readToken(path string, private bool) (rucio.Secret, error) {
	file, err := openRegular(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", errors.New("it is not a regular file")
	case private && foreign(info):
		return "", errors.New("it belongs to another user")
	}
	text, err := io.ReadAll(io.LimitReader(file, maxToken))
	if err != nil {
		return "", err
	}
	token := cleanToken(string(text))
	if token.IsSet() && !isToken(token.Reveal()) {
		return "", errors.New("there is no token in it")
	}
	return token, nil
}

// cleanToken takes away the line ends that editors, secrets of Kubernetes and terminals put into a token.
func cleanToken(text string) rucio.Secret {
	return rucio.Secret(strings.TrimSpace(strings.NewReplacer("\n", "", "\r", "").Replace(text)))
}
