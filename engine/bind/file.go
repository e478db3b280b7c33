package bind

import (
	"context"
	"crypto/md5"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	lua "github.com/yuin/gopher-lua"
)

// maxText is the largest file or answer that becomes a Lua string, unless a script asks for more.
const maxText = 256 << 20

var fileModule = module{
	name: "file",
	doc: "Files. Paths are those of the machine (or container) that runs the task, relative to where the program was started; " +
		"a task may read and write whatever its user may. Files that random and temp make are removed when the task ends, however it ends.",
	functions: []function{
		{
			name: "random", signature: "(size [, options]) -> path",
			doc: "Makes a temporary file of random bytes, of any size in little memory. Option name: the file's name, in " +
				"which * becomes a UUID; the default is random-*, unique everywhere.",
			example: `local path = file.random(1000, { name = "test-*.dat" })`,
			call:    fileRandom,
		},
		{
			name: "temp", signature: "([name]) -> path",
			doc:     "A path for a temporary file, which does not exist yet. In the name * becomes a UUID.",
			example: `file.write(file.temp("list-*.txt"), "one\n")`,
			call: func(c *call) int {
				return c.give(lua.LString(c.tempPath(c.optStr(1, "name", "*"))))
			},
		},
		{
			name: "read", signature: "(path) -> text",
			doc: "The whole of a file, up to 256 MiB; file.open reads larger ones piece by piece.",
			example: `local path = file.random(10)
print(#file.read(path))`,
			call: fileRead,
		},
		{
			name: "write", signature: "(path, text)",
			doc:     "Writes a file; one that is there is replaced.",
			example: `file.write(file.temp(), "hello")`,
			call:    func(c *call) int { return c.put(os.O_TRUNC) },
		},
		{
			name: "append", signature: "(path, text)",
			doc:     "Adds to the end of a file, which is made if needed.",
			example: `file.append(file.temp(), "hello")`,
			call:    func(c *call) int { return c.put(os.O_APPEND) },
		},
		{
			name: "open", signature: "(path [, mode]) -> handle",
			doc: `Opens a file: mode "r" reads (the default), "w" replaces, "a" appends.`,
			example: `local f = file.open(file.random(10))
print(#f:read(5))
f:close()`,
			call: fileOpen,
		},
		{
			name: "handle:read", signature: "([size]) -> text",
			doc: "The next bytes, at most size of them; nil at the end. Without size, all that is left.",
		},
		{
			name: "handle:lines", signature: "() -> iterator",
			doc: "Gives the lines that are left, without their ends, to a loop: for line in f:lines() do.",
		},
		{
			name: "handle:write", signature: "(...)",
			doc: "Writes texts.",
		},
		{
			name: "handle:close", signature: "()",
			doc: "Closes the file. One that is left open is closed when the task ends.",
		},
		{
			name: "size", signature: "(path) -> bytes",
			doc:     "A file's size.",
			example: `print(file.size(file.random(1000)))`,
			call: func(c *call) int {
				info, err := os.Stat(c.str(1, "path"))
				c.check(err)
				return c.give(lua.LNumber(info.Size()))
			},
		},
		{
			name: "exists", signature: "(path) -> boolean",
			doc:     "Whether there is a file or folder.",
			example: `print(file.exists("/tmp"))`,
			call: func(c *call) int {
				_, err := os.Stat(c.str(1, "path"))
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					c.raise(err)
				}
				return c.give(lua.LBool(err == nil))
			},
		},
		{
			name: "list", signature: "(folder [, pattern]) -> list",
			doc:     `The names in a folder, sorted; those of folders end in "/". A pattern such as *.yml chooses.`,
			example: `for _, name in ipairs(file.list(".")) do print(name) end`,
			call:    fileList,
		},
		{
			name: "remove", signature: "(path) -> boolean",
			doc:     "Removes a file, or an empty folder. false when there was none.",
			example: `file.remove(file.random(10))`,
			call: func(c *call) int {
				err := os.Remove(c.str(1, "path"))
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					c.raise(err)
				}
				return c.give(lua.LBool(err == nil))
			},
		},
		{
			name: "copy", signature: "(from, to) -> bytes",
			doc:     "Copies a file; one that is there is replaced.",
			example: `file.copy(file.random(10), file.temp())`,
			call:    fileCopy,
		},
		{
			name: "checksum", signature: "(path [, algorithm]) -> text",
			doc:     "A file's checksum as Rucio writes it: adler32 (the default), md5 or sha256.",
			example: `print(file.checksum(file.random(10), "md5"))`,
			call:    fileChecksum,
		},
	},
}

// tempPath returns a path in the task's folder for temporary files. A * in the name becomes a UUID.
func (c *call) tempPath(name string) string {
	name = strings.ReplaceAll(name, "*", uuid.NewString())
	if name == "" || name == "." || name == ".." || name != filepath.Base(name) {
		c.wrong("name", "the name of a file, without folders", lua.LString(name))
	}
	if c.host.TempDir == nil {
		c.raise(errors.New("there is no folder for temporary files here"))
	}
	dir, err := c.host.TempDir()
	c.check(err)
	return filepath.Join(dir, name)
}

func fileRandom(c *call) int {
	size := c.integer(1, "size", 0)
	o := c.options(2)
	path := c.tempPath(o.str("name", "random-*"))
	o.done()
	out, err := os.Create(path)
	c.check(err)
	if _, err = io.CopyN(out, stopping{c.context(), newChaCha8()}, size); err != nil {
		out.Close()
		c.raise(err)
	}
	c.check(out.Close())
	return c.give(lua.LString(path))
}

// newChaCha8 returns a fast source of unpredictable bytes.
func newChaCha8() *rand.ChaCha8 {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // does not fail
	return rand.NewChaCha8(seed)
}

// stopping reads until a context ends.
type stopping struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (s stopping) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.r.Read(p)
}

func fileRead(c *call) int {
	path := c.str(1, "path")
	in, err := os.Open(path)
	c.check(err)
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(stopping{c.context(), in}, maxText+1))
	c.check(err)
	if len(text) > maxText {
		c.raise(hint(fmt.Sprintf("%s is larger than %d MiB", path, maxText>>20), "read it piece by piece: file.open"))
	}
	return c.give(lua.LString(text))
}

// put writes argument 2 to the file that argument 1 names.
func (c *call) put(mode int) int {
	path, text := c.str(1, "path"), c.str(2, "text")
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|mode, newFile)
	c.check(err)
	_, err = io.WriteString(out, text)
	c.check(errors.Join(err, out.Close()))
	return 0
}

// newFile is the mode of new files before the user's umask.
const newFile = 0o666

func fileList(c *call) int {
	folder, pattern := c.str(1, "folder"), c.optStr(2, "pattern", "*")
	entries, err := os.ReadDir(folder)
	c.check(err)
	list := c.NewTable()
	for _, entry := range entries {
		name := entry.Name()
		matches, err := filepath.Match(pattern, name)
		if err != nil {
			c.wrong("pattern", "a pattern such as *.yml", lua.LString(pattern))
		}
		if entry.IsDir() {
			name += "/"
		}
		if matches {
			list.Append(lua.LString(name))
		}
	}
	codecOf(c.LState).markList(list)
	return c.give(list)
}

func fileCopy(c *call) int {
	from, to := c.str(1, "from"), c.str(2, "to")
	in, err := os.Open(from)
	c.check(err)
	defer in.Close()
	if a, err := in.Stat(); err == nil {
		if b, err := os.Stat(to); err == nil && os.SameFile(a, b) {
			c.raise(fmt.Errorf("%s and %s are the same file", from, to))
		}
	}
	out, err := os.Create(to)
	c.check(err)
	n, err := io.Copy(out, stopping{c.context(), in})
	c.check(errors.Join(err, out.Close()))
	return c.give(lua.LNumber(n))
}

func fileChecksum(c *call) int {
	path, algorithm := c.str(1, "path"), c.optStr(2, "algorithm", "adler32")
	var sum hash.Hash
	switch algorithm {
	case "adler32":
		sum = adler32.New()
	case "md5":
		sum = md5.New()
	case "sha256":
		sum = sha256.New()
	default:
		c.wrong("algorithm", `"adler32", "md5" or "sha256"`, lua.LString(algorithm))
	}
	in, err := os.Open(path)
	c.check(err)
	defer in.Close()
	_, err = io.Copy(sum, stopping{c.context(), in})
	c.check(err)
	return c.give(lua.LString(hex.EncodeToString(sum.Sum(nil))))
}
