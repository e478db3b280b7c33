package bind

import (
	"errors"
	"path/filepath"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

var storageModule = module{
	name: "storage",
	doc: "What is on storages, by PFN: davs://, https://, root://, s3://, file:// and the others that uploads and downloads know, with the " +
		"same credentials. A text without :// is a path of this machine. Rucio does not learn of what is done here: for files " +
		"of its catalogue use rucio.upload, rucio.download_dids and rules. An error is a table with kind (not_found, exists, " +
		"denied, no_space, unsupported, unavailable, corrupt or other), class (the exception of Rucio that says the same), pfn and message.",
	functions: []function{
		{
			name: "stat", signature: "(pfn) -> info",
			doc:     "Tells of an object or folder: pfn, name, size in bytes, folder (true or false), and modified (seconds since 1970) where the storage says it.",
			example: `print(storage.stat(file.random(1000)).size)`,
			call:    storageStat,
		},
		{
			name: "exists", signature: "(pfn) -> boolean",
			doc:     "Whether there is an object or folder.",
			example: `print(storage.exists(file.temp()))`,
			call:    storageExists,
		},
		{
			name: "list", signature: "(pfn [, options]) -> list",
			doc: "What a folder holds, as storage.stat tells it, sorted by name. Option recursive: also what its folders hold; these come after it.",
			example: `local folder = file.temp()
storage.put(file.random(10), folder .. "/one")
for _, entry in ipairs(storage.list(folder)) do print(entry.name, entry.size) end`,
			call: storageList,
		},
		{
			name: "checksum", signature: "(pfn [, algorithm]) -> text",
			doc: "The checksum, in hex, that the storage tells: adler32 (the default) or md5. Where the storage has no way to tell, the object is read for it.",
			example: `local path = file.random(10)
assert(storage.checksum(path, "md5") == file.checksum(path, "md5"))`,
			call: storageChecksum,
		},
		{
			name: "put", signature: "(path, pfn [, options]) -> copied",
			doc: "Stores a file of this machine, making missing folders. One that is there is an error, unless option overwrite is true. " +
				"The result has bytes, algorithm and checksum of what was sent, and verified: whether a storage told the same checksum.",
			example: `local pfn = "file://" .. file.temp()
print(storage.put(file.random(1000), pfn).checksum)`,
			call: func(c *call) int { return c.copy("path", "pfn") },
		},
		{
			name: "get", signature: "(pfn, path [, options]) -> copied",
			doc: "Fetches an object into a file of this machine; options and result are those of storage.put.",
			example: `local path = file.temp()
storage.get("file://" .. file.random(1000), path)
print(file.size(path))`,
			call: func(c *call) int { return c.copy("pfn", "path") },
		},
		{
			name: "copy", signature: "(from, to [, options]) -> copied",
			doc:     "Streams an object from one storage to another, through this machine; options and result are those of storage.put.",
			example: `storage.copy("file://" .. file.random(1000), "file://" .. file.temp())`,
			call:    func(c *call) int { return c.copy("from", "to") },
		},
		{
			name: "rename", signature: "(from, to)",
			doc: "Moves an object within its storage, making missing folders. A target that is there is an error.",
			example: `local pfn = "file://" .. file.random(10)
storage.rename(pfn, pfn .. ".old")`,
			call: storageRename,
		},
		{
			name: "mkdir", signature: "(pfn)",
			doc:     "Makes a folder and those above it; one that is there is fine.",
			example: `storage.mkdir("file://" .. file.temp() .. "/a/b")`,
			call: func(c *call) int {
				pfn, door := c.door(1, "pfn")
				c.checkStorage(door.Mkdir(c.context(), pfn))
				return 0
			},
		},
		{
			name: "delete", signature: "(pfn [, options]) -> boolean",
			doc:     "Removes an object or an empty folder; false when there was none. Option recursive: a folder with all that it holds.",
			example: `print(storage.delete("file://" .. file.random(10)))`,
			call:    storageDelete,
		},
		{
			name: "space", signature: "(pfn) -> space",
			doc:     "The room of the storage at a place, in bytes: free, used and total; nil where it does not say.",
			example: `print(storage.space("/tmp").free)`,
			call:    storageSpace,
		},
	},
}

// place returns a PFN that is argument n: a path of this machine becomes one.
func (c *call) place(n int, name string) string {
	pfn := c.str(n, name)
	if pfn == "" {
		c.wrong(name, "a PFN such as davs://host:443/path, or a path", c.Get(n))
	}
	if strings.Contains(pfn, "://") {
		return pfn
	}
	path, err := filepath.Abs(pfn)
	c.check(err)
	return "file://" + path
}

// door returns a PFN that is argument n, and the backend for it.
func (c *call) door(n int, name string) (string, storage.Backend) {
	pfn := c.place(n, name)
	if c.host.Storage == nil {
		c.raise(errors.New("there is no storage here"))
	}
	door, err := c.host.Storage(c.context(), pfn)
	c.checkStorage(err)
	return pfn, door
}

// kinds are the kinds of errors as scripts know them.
var kinds = map[storage.Kind]string{
	storage.Other: "other", storage.NotFound: "not_found", storage.Exists: "exists", storage.Denied: "denied", storage.NoSpace: "no_space",
	storage.Unsupported: "unsupported", storage.Unavailable: "unavailable", storage.Corrupt: "corrupt",
}

// checkStorage raises an error of a storage, with what a script may want to know of it.
func (c *call) checkStorage(err error) {
	if err == nil {
		return
	}
	fields := map[string]lua.LValue{"class": lua.LString(transfer.ClassOf(err)), "kind": lua.LString(kinds[storage.KindOf(err)])}
	var failed *storage.Error
	if errors.As(err, &failed) {
		fields["pfn"] = lua.LString(failed.PFN)
	} else {
		delete(fields, "kind") // a configuration that is wrong, say
		delete(fields, "class")
	}
	if c.host.Explain != nil {
		err = c.host.Explain(err)
	}
	c.Error(newError(c.LState, err, fields), 1)
}

func (c *call) info(info storage.Info) *lua.LTable {
	table := c.CreateTable(0, 5)
	table.RawSetString("pfn", lua.LString(info.PFN))
	table.RawSetString("name", lua.LString(storage.Base(info.PFN)))
	table.RawSetString("size", lua.LNumber(info.Size))
	table.RawSetString("folder", lua.LBool(info.Folder))
	if !info.ModTime.IsZero() {
		table.RawSetString("modified", seconds(info.ModTime))
	}
	return table
}

func storageStat(c *call) int {
	pfn, door := c.door(1, "pfn")
	info, err := door.Stat(c.context(), pfn)
	c.checkStorage(err)
	return c.give(c.info(info))
}

func storageExists(c *call) int {
	pfn, door := c.door(1, "pfn")
	_, err := door.Stat(c.context(), pfn)
	if !storage.Is(err, storage.NotFound) {
		c.checkStorage(err)
	}
	return c.give(lua.LBool(err == nil))
}

func storageList(c *call) int {
	pfn, door := c.door(1, "pfn")
	o := c.options(2)
	recursive := o.boolean("recursive", false)
	o.done()
	entries := storage.Entries(c.context(), door, pfn)
	if recursive {
		entries = storage.Walk(c.context(), door, pfn)
	}
	list := c.NewTable()
	for info, err := range entries {
		c.checkStorage(err)
		list.Append(c.info(info))
	}
	codecOf(c.LState).markList(list)
	return c.give(list)
}

func storageChecksum(c *call) int {
	pfn, door := c.door(1, "pfn")
	algorithm := c.optStr(2, "algorithm", "adler32")
	if _, err := storage.NewHash(algorithm); err != nil {
		c.wrong("algorithm", `"adler32" or "md5"`, c.Get(2))
	}
	sum, err := storage.Sum(c.context(), door, pfn, algorithm)
	c.checkStorage(err)
	return c.give(lua.LString(sum))
}

// copy copies between arguments 1 and 2, of these names.
func (c *call) copy(from, to string) int {
	source, in := c.door(1, from)
	target, out := c.door(2, to)
	o := c.options(3)
	options := storage.CopyOptions{Overwrite: o.boolean("overwrite", false)}
	o.done()
	done, err := storage.Copy(c.context(), in, source, out, target, options)
	c.checkStorage(err)
	table := c.CreateTable(0, 4)
	table.RawSetString("bytes", lua.LNumber(done.Bytes))
	table.RawSetString("algorithm", lua.LString(done.Algorithm))
	table.RawSetString("checksum", lua.LString(done.Checksum))
	table.RawSetString("verified", lua.LBool(done.Verified))
	return c.give(table)
}

func storageRename(c *call) int {
	from, door := c.door(1, "from")
	to := c.place(2, "to")
	if a, b := storage.Scheme(from), storage.Scheme(to); a != b {
		c.raise(hint("a "+a+":// object cannot become a "+b+":// one", "storage.copy copies between storages"))
	}
	c.checkStorage(door.Rename(c.context(), from, to))
	return 0
}

func storageDelete(c *call) int {
	pfn, door := c.door(1, "pfn")
	o := c.options(2)
	recursive := o.boolean("recursive", false)
	o.done()
	var err error
	if recursive {
		err = storage.DeleteAll(c.context(), door, pfn)
	} else {
		err = door.Delete(c.context(), pfn)
	}
	if !storage.Is(err, storage.NotFound) {
		c.checkStorage(err)
	}
	return c.give(lua.LBool(err == nil))
}

func storageSpace(c *call) int {
	pfn, door := c.door(1, "pfn")
	space, err := door.Space(c.context(), pfn)
	c.checkStorage(err)
	table := c.CreateTable(0, 3)
	for name, bytes := range map[string]int64{"free": space.Free, "used": space.Used, "total": space.Total} {
		if bytes >= 0 {
			table.RawSetString(name, lua.LNumber(bytes))
		}
	}
	return c.give(table)
}
