-- How luacheck reads the scripts: Lua 5.1 with the modules that the engine gives (package engine/bind), and no global of
-- a script's own.
std = {
  read_globals = {
    -- Lua 5.1, without what the engine takes away
    "_G", "_VERSION", "assert", "error", "getmetatable", "ipairs", "load", "loadstring", "next", "pairs", "pcall", "print",
    "rawequal", "rawget", "rawset", "require", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
    "coroutine", "math", "os", "string", "table", "debug",
    -- the engine's modules
    "did", "env", "file", "fits", "http", "json", "log", "metric", "parallel", "random", "rucio", "storage", "task", "time", "uuid",
    "yaml",
  },
}
max_line_length = 130
