---@meta
-- What the engine gives to scripts, for editors that know the Lua language server (LuaLS). Never loaded by the engine.
-- Made of package bind's reference: go test ./scripts -run TestTypes -update

--- The task: the first argument of run, setup and teardown, and a global for scripts that tasks share.
---@class task
---@field name string
---@field description string
---@field module string
---@field class string
task = {}

--- A named assertion. The task goes on, and has failed at its end unless ok. Returns ok.
---@param name string
---@param ok any
---@param detail? any why it failed
---@return boolean
function task.check(name, ok, detail) end

--- Hands a document to every database of the definition. Returns its id.
---@param document table
---@param options? { id: string }
---@return string
function task.emit(document, options) end

--- Marks the task as failed, and goes on.
---@param text string
function task.fail(text) end

--- Ends the task here, as skipped.
---@param text? string
function task.skip(text) end

--- Calls fn when the task has ended, however it ended.
---@param fn function
function task.defer(fn) end

--- Every method of Python's Rucio clients, by its name and with its keyword arguments, or positional in Python's order. What Python returns comes back as plain values and tables; null is nil. A method that is a generator in Python returns a stream, to be looped over once: for r in rucio.list_rses() do ... end. It is read as the server sends it. The first call logs in. An error is a table with class (Rucio's exception), message, status and method; that of an upload or download has results too, what became of each file.
---@class rucio
---@field [string] fun(...): any # every method of Python's client: rucio-task-manager methods list
rucio = {}

--- rucio.client(settings) -> client
--- Makes a second client, for another account or another Rucio; it has all methods. Settings are the keyword arguments of Python's Client; what is not given is as in the configuration.
function rucio.client(...) end

--- rucio.null
--- JSON's null, Python's None: where an argument shall be None although its default is something else, or in a list. The same as json.null.
rucio.null = nil

---@class stream
local stream = {}

--- stream:collect() -> list
--- The rows that are left, as a list.
function stream:collect(...) end

--- stream:first() -> row
--- The next row, or nil; the rest is given up.
function stream:first(...) end

--- stream:count() -> integer
--- How many rows are left; they are read and dropped.
function stream:count(...) end

--- stream:close()
--- Gives up the rows that are left. A stream that is left in the middle is closed when the task ends.
function stream:close(...) end

--- The task's log. Each line names the script; with --log-level debug, its line as well. (print writes to standard output instead.)
---@class log
log = {}

--- log.debug(...)
--- Logs what helps to find a fault. Its arguments are put together with spaces; tables are shown as JSON.
function log.debug(...) end

--- log.info(...)
--- Logs what a reader of the log wants to know. Its arguments are put together with spaces; tables are shown as JSON.
function log.info(...) end

--- log.warn(...)
--- Logs what is not as it should be. Its arguments are put together with spaces; tables are shown as JSON.
function log.warn(...) end

--- log.warning(...)
--- The same as log.warn, as in Python.
function log.warning(...) end

--- log.error(...)
--- Logs what went wrong; the task goes on. Its arguments are put together with spaces; tables are shown as JSON.
function log.error(...) end

--- log.with(fields) -> logger
--- Makes a logger that adds fields to each of its lines. It has the methods debug, info, warn and error.
---@return logger
function log.with(...) end

---@class logger
local logger = {}

--- logger:info(...)
--- As log.info, with the logger's fields; so do debug, warn, warning and error.
function logger:info(...) end

--- logger:with(fields) -> logger
--- A logger with further fields.
---@return logger
function logger:with(...) end

--- JSON. A null field of an object is nil in Lua (and is null again when the object is written); elsewhere null is json.null. An integer beyond 2^53, which a Lua number cannot hold, keeps its digits: tonumber(x) rounds it.
---@class json
json = {}

--- json.decode(text) -> value
--- Reads JSON.
function json.decode(...) end

--- json.encode(value) -> text
--- Writes JSON, in one line. An empty table is {}; see json.array. NaN, functions, tables that are neither list nor map, and tables that contain themselves are errors.
function json.encode(...) end

--- json.pretty(value) -> text
--- Writes JSON with a line for each value, for people.
function json.pretty(...) end

--- json.array([list]) -> list
--- Marks a table as a list, so that it is written as [] when it is empty.
function json.array(...) end

--- json.null
--- JSON's null, to be written as an item of a list, or as a field. It is true in conditions; compare it with ==.
json.null = nil

--- YAML of plain values; other tags are ignored. Values cross as they do for module json; keys become strings, dates RFC 3339 text.
---@class yaml
yaml = {}

--- yaml.decode(text) -> value
--- Reads a YAML document.
function yaml.decode(...) end

--- yaml.decode_all(text) -> list
--- Reads all documents of a YAML stream.
function yaml.decode_all(...) end

--- yaml.encode(value) -> text
--- Writes a YAML document; keys are sorted.
function yaml.encode(...) end

--- HTTP requests. An answer is a table: status, ok (2xx), headers (by name, in any case), body, url, duration, tls (expires, subject, issuer, version; with https), json() and check(), which raises an HTTPError unless ok. What prevents an answer is raised, with a class: ConnectionError, Timeout, TLSError, TooManyRedirects, InvalidURL or TooLarge. Options: query, headers (tables); json (any value), form (a table) or body (text); bearer (a token), username and password; timeout (30 seconds, of each attempt), retries (2, for verbs that may be repeated, after broken connections and 429, 502, 503, 504; 0 for others), follow (true), redirects (10); verify (true; false trusts any server), ca, cert and key (paths of PEM files), max_size (268435456 bytes of answer).
---@class http
http = {}

--- http.get(url [, options]) or (options) -> response
--- Gets.
function http.get(...) end

--- http.head(url [, options]) or (options) -> response
--- Asks for the headers alone.
function http.head(...) end

--- http.post(url [, options]) or (options) -> response
--- Posts.
function http.post(...) end

--- http.put(url [, options]) or (options) -> response
--- Puts.
function http.put(...) end

--- http.patch(url [, options]) or (options) -> response
--- Patches.
function http.patch(...) end

--- http.delete(url [, options]) or (options) -> response
--- Deletes.
function http.delete(...) end

--- http.request(options) -> response
--- Any request: options method and url, and all others.
function http.request(...) end

--- http.session(options) -> session
--- Remembers options for many requests; base is put before their URLs. Headers and query of a request are added to those of the session.
---@return session
function http.session(...) end

---@class session
local session = {}

--- session:get(url [, options]) or (options) -> response
--- As http.get, with the session's options; so do head, post, put, patch, delete and request.
function session:get(...) end

--- Time as a number: seconds since 1970, with fractions. Texts are in UTC unless they name a zone or the option zone says otherwise.
---@class time
time = {}

--- time.now() -> seconds
--- The time.
function time.now(...) end

--- time.since(seconds) -> seconds
--- How long ago a time was.
function time.since(...) end

--- time.sleep(seconds)
--- Waits; a task that is stopped stops waiting.
function time.sleep(...) end

--- time.parse(text [, options]) -> seconds
--- Reads a time: as Rucio writes it (Sat, 01 Jan 2022 10:00:00 UTC), ISO 8601 with or without time, fractions and zone, or date math of Elasticsearch (now-24h, now-7d/d, 2026-01-31||+1M; M is months, m minutes, /d rounds to the day). Options: layout, as for strftime (%d-%m-%Y); zone (UTC, local, or a name such as Europe/Zurich); round = "up", to round date math to the end of its unit, as for lte.
function time.parse(...) end

--- time.format([seconds [, layout [, zone]]]) -> text
--- Writes a time; without one, the present. Layouts: iso (the default: 2026-11-23T04:56:23.784Z), rucio (RFC 1123), date (2026-11-23), or as for strftime.
function time.format(...) end

--- time.timer() -> timer
--- Starts a stopwatch, which no change of the clock disturbs.
---@return timer
function time.timer(...) end

---@class timer
local timer = {}

--- timer:elapsed() -> seconds
--- How long the timer runs.
function timer:elapsed(...) end

--- timer:lap() -> seconds
--- How long ago the last lap ended; a new one begins.
function timer:lap(...) end

--- Files. Paths are those of the machine (or container) that runs the task, relative to where the program was started; a task may read and write whatever its user may. Files that random and temp make are removed when the task ends, however it ends.
---@class file
file = {}

--- file.random(size [, options]) -> path
--- Makes a temporary file of random bytes, of any size in little memory. Option name: the file's name, in which * becomes a UUID; the default is random-*, unique everywhere.
function file.random(...) end

--- file.temp([name]) -> path
--- A path for a temporary file, which does not exist yet. In the name * becomes a UUID.
function file.temp(...) end

--- file.read(path) -> text
--- The whole of a file, up to 256 MiB; file.open reads larger ones piece by piece.
function file.read(...) end

--- file.write(path, text)
--- Writes a file; one that is there is replaced.
function file.write(...) end

--- file.append(path, text)
--- Adds to the end of a file, which is made if needed.
function file.append(...) end

--- file.open(path [, mode]) -> handle
--- Opens a file: mode "r" reads (the default), "w" replaces, "a" appends.
---@return handle
function file.open(...) end

---@class handle
local handle = {}

--- handle:read([size]) -> text
--- The next bytes, at most size of them; nil at the end. Without size, all that is left.
function handle:read(...) end

--- handle:lines() -> iterator
--- Gives the lines that are left, without their ends, to a loop: for line in f:lines() do.
function handle:lines(...) end

--- handle:write(...)
--- Writes texts.
function handle:write(...) end

--- handle:close()
--- Closes the file. One that is left open is closed when the task ends.
function handle:close(...) end

--- file.size(path) -> bytes
--- A file's size.
function file.size(...) end

--- file.exists(path) -> boolean
--- Whether there is a file or folder.
function file.exists(...) end

--- file.list(folder [, pattern]) -> list
--- The names in a folder, sorted; those of folders end in "/". A pattern such as *.yml chooses.
function file.list(...) end

--- file.remove(path) -> boolean
--- Removes a file, or an empty folder. false when there was none.
function file.remove(...) end

--- file.copy(from, to) -> bytes
--- Copies a file; one that is there is replaced.
function file.copy(...) end

--- file.checksum(path [, algorithm]) -> text
--- A file's checksum as Rucio writes it: adler32 (the default), md5 or sha256.
function file.checksum(...) end

--- What is on storages, by PFN: davs://, https://, root://, s3://, file:// and the others that uploads and downloads know, with the same credentials. A text without :// is a path of this machine. Rucio does not learn of what is done here: for files of its catalogue use rucio.upload, rucio.download_dids and rules. An error is a table with kind (not_found, exists, denied, no_space, unsupported, unavailable, corrupt or other), class (the exception of Rucio that says the same), pfn and message.
---@class storage
storage = {}

--- storage.stat(pfn) -> info
--- Tells of an object or folder: pfn, name, size in bytes, folder (true or false), and modified (seconds since 1970) where the storage says it.
function storage.stat(...) end

--- storage.exists(pfn) -> boolean
--- Whether there is an object or folder.
function storage.exists(...) end

--- storage.list(pfn [, options]) -> list
--- What a folder holds, as storage.stat tells it, sorted by name. Option recursive: also what its folders hold; these come after it.
function storage.list(...) end

--- storage.checksum(pfn [, algorithm]) -> text
--- The checksum, in hex, that the storage tells: adler32 (the default) or md5. Where the storage has no way to tell, the object is read for it.
function storage.checksum(...) end

--- storage.put(path, pfn [, options]) -> copied
--- Stores a file of this machine, making missing folders. One that is there is an error, unless option overwrite is true. The result has bytes, algorithm and checksum of what was sent, and verified: whether a storage told the same checksum.
function storage.put(...) end

--- storage.get(pfn, path [, options]) -> copied
--- Fetches an object into a file of this machine; options and result are those of storage.put.
function storage.get(...) end

--- storage.copy(from, to [, options]) -> copied
--- Streams an object from one storage to another, through this machine; options and result are those of storage.put.
function storage.copy(...) end

--- storage.rename(from, to)
--- Moves an object within its storage, making missing folders. A target that is there is an error.
function storage.rename(...) end

--- storage.mkdir(pfn)
--- Makes a folder and those above it; one that is there is fine.
function storage.mkdir(...) end

--- storage.delete(pfn [, options]) -> boolean
--- Removes an object or an empty folder; false when there was none. Option recursive: a folder with all that it holds.
function storage.delete(...) end

--- storage.space(pfn) -> space
--- The room of the storage at a place, in bytes: free, used and total; nil where it does not say.
function storage.space(...) end

--- Files in FITS, the format of astronomical images.
---@class fits
fits = {}

--- fits.random(shape [, options]) -> path
--- Makes a temporary FITS file with an image of random numbers between 0 and 1 (float64), of any size in little memory. The shape is the number of values, or a list of lengths as numpy has them: the last is NAXIS1. Options: name, as for file.random; header, a table of further cards of the image's header.
function fits.random(...) end

--- Random values, different in each run unless random.seed says otherwise. They are no good for passwords. file.random makes files.
---@class random
random = {}

--- random.int(max) or (min, max) -> integer
--- An integer from min (1) to max, both possible.
function random.int(...) end

--- random.number() -> number
--- A number from 0 up to, but not, 1.
function random.number(...) end

--- random.choice(list) -> value
--- One of a list's items.
function random.choice(...) end

--- random.shuffle(list) -> list
--- A new list of the same items in any order.
function random.shuffle(...) end

--- random.string(length [, alphabet]) -> text
--- A text of lower case letters and digits, or of the alphabet's characters.
function random.string(...) end

--- random.bytes(length) -> text
--- Random bytes.
function random.bytes(...) end

--- random.seed(integer)
--- From here on this module's values follow from the integer, the same in every run.
function random.seed(...) end

--- UUIDs.
---@class uuid
--- uuid() -> text
---@overload fun(...): any
uuid = {}

--- Names of data identifiers.
---@class did
did = {}

--- did.parse(text) -> did
--- Reads "scope:name" into a table with scope and name, as methods of Rucio take it. Without a colon, the scope is what Rucio's default convention makes of the name: its part before the first dot, or two parts if it begins with user or group.
function did.parse(...) end

--- did.split(text) -> scope, name
--- As did.parse, with two results.
function did.split(...) end

--- did.format(did) or (scope, name) -> text
--- "scope:name".
function did.format(...) end

--- Environment variables. The value of one whose name tells of a secret (API_TOKEN, DB_PASSWORD) is not shown in logs and reports.
---@class env
env = {}

--- env.get(name [, default]) -> text
--- A variable's value; the default, or nil, if it is not set or empty.
function env.get(...) end

--- env.require(name) -> text
--- A variable's value; an error if it is not set.
function env.require(...) end

--- Measurements of the task, for its report and whatever collects it.
---@class metric
metric = {}

--- metric.counter(name [, value [, options]])
--- Adds to a count, by default 1. Options: unit (s, bytes, ...), tags (a table of names and values).
function metric.counter(...) end

--- metric.gauge(name, value [, options])
--- Tells how much there is now. Options: unit (s, bytes, ...), tags (a table of names and values).
function metric.gauge(...) end

--- metric.trend(name, value [, options])
--- Adds a value to a series, of which the distribution matters. Options: unit (s, bytes, ...), tags (a table of names and values).
function metric.trend(...) end

--- Work on many things at once. The Rucio client is shared.
---@class parallel
parallel = {}

--- parallel.map(list, function(item, number) [, options]) -> results, errors
--- Calls a function for each item of a list, or each row of a stream, and returns its results in the items' order. The function runs in VMs of its own: it sees a copy of the variables around it, and what it changes there stays there. Items and results are plain values. Options: workers (8); errors = "raise" (the default: everything is done, then the first error is raised, with all of them in its field errors), "stop" (nothing new is begun after an error) or "return" (the errors are returned, by the item's number); progress, a function(done, failed).
function parallel.map(...) end

--- parallel.each(list, function(item, number) [, options]) -> count, errors
--- As map, without keeping results; returns how many items there were. A stream of any length takes little memory. The function runs in VMs of its own: it sees a copy of the variables around it, and what it changes there stays there. Items and results are plain values. Options: workers (8); errors = "raise" (the default: everything is done, then the first error is raised, with all of them in its field errors), "stop" (nothing new is begun after an error) or "return" (the errors are returned, by the item's number); progress, a function(done, failed).
function parallel.each(...) end
