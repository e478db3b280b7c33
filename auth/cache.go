package auth

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// maxToken bounds what is read of a cache file, in bytes; the server's database holds tokens of 3072.
const maxToken = 64 << 10

// PythonPlace returns the folder for temporary files and the user's name as Python's client finds them in the
// environment, for Options.TempDir and OSUser. login is the name in the password database, for when no variable has it.
func PythonPlace(env map[string]string, login string) (tempDir, osUser string) {
	return first(env, "/tmp", "TMPDIR", "TEMP", "TMP"), first(env, login, "LOGNAME", "USER", "LNAME", "USERNAME")
}

func first(env map[string]string, otherwise string, names ...string) string {
	for _, name := range names {
		if env[name] != "" {
			return env[name]
		}
	}
	return otherwise
}

// cachePath returns the token cache file; empty when there is to be none. (Python: BaseClient._get_auth_tokens)
func cachePath(opts Options) string {
	if opts.CachePath != "" {
		return opts.CachePath
	}
	if opts.TempDir == "" || opts.OSUser == "" {
		return ""
	}
	if strings.ContainsRune(opts.OSUser+opts.VO+opts.Account, filepath.Separator) {
		return "" // no such name is valid, and none leads to another folder
	}
	folder := ".rucio_" + opts.OSUser
	if opts.VO != "" && opts.VO != rucio.DefaultVO {
		folder += "@" + opts.VO
	}
	file := "auth_token_for_default_account"
	if opts.Account != "" {
		file = "auth_token_for_account_" + opts.Account
	}
	return filepath.Join(opts.TempDir, opts.OSUser, folder, file)
}

// cache is the file in which Python's client keeps its token: the token alone, without a line end. It is replaced in one
// step, so that other processes, Python's among them, read the old token or the new one. A cache that cannot be used is
// no error: without it there is one login more.
type cache struct {
	path string
	log  *slog.Logger
}

// read returns the token, if it can be one for the account and the identity (see belongs); else nothing.
func (c *cache) read(account, identity string) string {
	token, err := c.load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case err != nil:
		c.log.Warn("the token cache is not used", "file", c.path, "error", err)
		return ""
	case !belongs(token, account, identity):
		c.log.Info("the token cache holds a token of another login", "file", c.path)
		return ""
	}
	c.log.Debug("using the token of the token cache", "file", c.path)
	return token
}

// load reads the file, unless somebody else could have written it.
func (c *cache) load() (string, error) {
	if err := c.checkFolder(); err != nil {
		return "", err
	}
	file, err := openRegular(c.path)
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
	case foreign(info):
		return "", errors.New("it belongs to another user")
	case info.Mode().Perm()&0o022 != 0:
		return "", fmt.Errorf("other users can write it (mode %04o); chmod 600 makes it private", info.Mode().Perm())
	case info.Mode().Perm()&0o044 != 0:
		c.log.Warn("other users can read the token cache; chmod 600 makes it private", "file", c.path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxToken))
	if err != nil {
		return "", err
	}
	token, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if token = strings.TrimSpace(token); !isToken(token) {
		return "", errors.New("there is no token in it")
	}
	return token, nil
}

// isToken tells a text that can be sent as a token: visible ASCII, and spaces, which a DN in it may have.
func isToken(text string) bool {
	for _, r := range text {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return text != ""
}

// checkFolder refuses a folder that is another user's, or in which everybody can replace files.
func (c *cache) checkFolder() error {
	folder := filepath.Dir(c.path)
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		return err
	case foreign(info):
		return fmt.Errorf("its folder %s belongs to another user", folder)
	case info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("every user can write its folder %s", folder)
	}
	return nil
}

// write keeps a token for later processes.
func (c *cache) write(token string) {
	if err := c.store(token); err != nil {
		c.log.Warn("cannot keep the token: the next run must log in again", "file", c.path, "error", err)
	}
}

func (c *cache) store(token string) error {
	folder := filepath.Dir(c.path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := c.checkFolder(); err != nil {
		return err
	}
	return replaceFile(c.path, []byte(token))
}
