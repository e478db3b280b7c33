-- What the standard library answers, to be compared with Lua 5.1's own answers in stdlib.txt, which are the output of
-- `lua5.1 stdlib.lua`. Messages of errors are not compared, only that there is one.
local function show(...)
  local out = {}
  for i = 1, select("#", ...) do
    out[i] = type((select(i, ...))) == "string" and string.format("%q", (select(i, ...))) or tostring((select(i, ...)))
  end
  return table.concat(out, " ")
end

local function try(name, fn, ...)
  local function outcome(ok, ...)
    print(name, ok and show(...) or "error")
  end
  outcome(pcall(fn, ...))
end

local function collect(subject, pattern)
  local all = {}
  for a, b in string.gmatch(subject, pattern) do
    all[#all + 1] = show(a, b)
    if #all > 20 then break end
  end
  return table.concat(all, ";")
end

local subjects = { "", "a", "abc", "hello world", "key = value", "  trim  ", "THE (quick) fox", "a.b-c_d", "2024-01-02T03:04:05Z",
  "f(a(b)c)d", "x\0y", "50%", "aaaaab", "one;two;;four", "[[bracket]]", "scope:name", "/path/to/file.root", "^caret$" }
local patterns = { "", ".", "a", "a*", "a+", "a-", "a?b", "^a", "a$", "^$", "^.*$", "%a+", "%d+", "(%d+)-(%d+)", "(%w+)%s*=%s*(%w+)", "^%s*(.-)%s*$",
  "%b()", "%f[%a]%a+", "%f[%w]", "[abc]", "[^abc]", "[a-c]+", "[%a_][%w_]*", "()", "()b()", "(a)(b)(c)", "%%", "%.", "[.]", "[]]", "[^]]", "[a-]", "[-a]",
  "(.)%1", "%z", "([^;]*)", "([^:]+):(.+)", "([^/]+)$", "%S+", "%u+", "%p", "%x+", "(a*(.)%w(%s*))", "^%^", "%$$", "((.)(.))", "[%]]", "a.-b", "(((a)))",
  -- broken ones
  "%", "[a", "[", "(a", "a)", "%b", "%bx", "%f", "%1", "(%1)", "[%", "[^", "(()" }
for _, s in ipairs(subjects) do
  for _, p in ipairs(patterns) do
    local name = show(s, p)
    try("find " .. name, string.find, s, p)
    try("match " .. name, string.match, s, p)
    if not p:find("^%^") then try("gmatch " .. name, collect, s, p) end
    try("gsub " .. name, string.gsub, s, p, "<%0>")
  end
end

for _, init in ipairs { -10, -1, 0, 1, 2, 3, 4, 10 } do
  try("find at " .. init, string.find, "abc", "b", init)
  try("find empty at " .. init, string.find, "abc", "", init)
  try("find plain at " .. init, string.find, "a.c", ".", init, true)
  try("match at " .. init, string.match, "abcabc", "^.", init)
end

for _, repl in ipairs { "x", "%0%0", "%1", "%2", "%%", "", "<%1|%2>", { hello = "bye", h = 1 }, { hello = false }, { hello = {} },
  function(a, b) return b end, function() end, function() return false end, function() return 5 end, function() return {} end, 5, true } do
  try("gsub by " .. type(repl), string.gsub, "hello world", "((h)%a+)", repl)
  try("gsub by " .. type(repl), string.gsub, "hello world", "%a+", repl)
end
for _, n in ipairs { -1, 0, 1, 2, 100 } do
  try("gsub limited " .. n, string.gsub, "aaaa", "a", "b", n)
  try("gsub empty " .. n, string.gsub, "abc", "", "-", n)
  try("gsub anchored " .. n, string.gsub, "aaaa", "^a", "b", n)
end

for _, f in ipairs { "%d", "%5d", "%-5d|", "%05d", "%+d", "% d", "%i", "%u", "%x", "%X", "%#x", "%o", "%c", "%e", "%.2e", "%E", "%f", "%.0f", "%8.3f", "%g", "%G", "%.3g", "%s", "%10s", "%-10s|", "%.2s", "%q", "%%", "%5.1s|" } do
  for i, v in ipairs { 0, 1, -1, 65, 3.7, 100000, 1e6, 1e15, 123456789, 0.1, 1 / 3, 1e-5, 1e100, "7", "text", "0x10", "1e2" } do
    -- left out: what C leaves undefined, and zero as "%c" (Lua 5.1 loses it) or "%#x"
    local wrong = f:find("[diuxXoc]") and (v == 1e100 or v == -1 and f:find("[uxXoc]") or f:find("c") and tonumber(v) and tonumber(v) > 255)
      or f:find("[c#]") and tonumber(v) and tonumber(v) < 1
    local number = f:find("[sq]") and type(v) == "number" -- tostring of numbers is gopher-lua's
    if not wrong and not number then try("format " .. f .. " #" .. i, string.format, f, v) end
  end
end
try("format missing", string.format, "%d")
try("format nil", string.format, "%d", nil)
try("format unknown", string.format, "%y", 1)
try("format end", string.format, "%")
try("format wide", string.format, "%100d", 1)
try("format several", string.format, "%s=%d, %s=%5.2f%%", "a", 1, "b", 99.5)
try("format quoted", string.format, "%q", 'a "b" \\ \n \r \0 c')

for _, v in ipairs { "10", " 10 ", "1e5", "1E-2", "0x1F", "-0x10", "0X", "", " ", "abc", "1_000", "1.5.2", ".5", "5.", "-7", "+7", "--7", "1e", "0b1", "1 2", "\t8\n" } do
  try("tonumber " .. show(v), tonumber, v)
end
for _, c in ipairs { { "ff", 16 }, { "0xff", 16 }, { "777", 8 }, { "101", 2 }, { "zz", 36 }, { "9", 8 }, { "10", 1 }, { "10", 37 }, { 10, 10 }, { "", 16 } } do
  try("tonumber base " .. c[1] .. " " .. c[2], tonumber, c[1], c[2])
end

for _, c in ipairs { { {} }, { { 1, 2, 3 } }, { { 1, 2, 3 }, ", " }, { { "a", "b" }, "-", 2 }, { { "a", "b", "c" }, "-", 2, 2 }, { { "a", "b" }, "-", 3 }, { { "a" }, "-", 1, 3 }, { { {} } }, { { true } } } do
  try("concat", table.concat, unpack(c))
end
local function sorted(list, order)
  table.sort(list, order)
  return table.concat(list, " ")
end
try("sort", sorted, { 3, 1, 2 })
try("sort strings", sorted, { "b", "a", "C", "10", "9" })
try("sort descending", sorted, { 3, 1, 2, 5, 4 }, function(a, b) return a > b end)
try("sort mixed", sorted, { 3, "a" })
try("sort failing", sorted, { 3, 1 }, function() error("x") end)
try("sort empty", sorted, {})
try("rep", string.rep, "ab", 3)
try("rep none", string.rep, "ab", 0)
try("rep negative", string.rep, "ab", -1)
try("random", function() for _ = 1, 1000 do local r = math.random(3, 5); assert(r >= 3 and r <= 5 and r % 1 == 0) end return true end)
try("random one", function() return math.random(1) end)
try("random empty", math.random, 2, 1)
try("random zero", math.random, 0)
try("huge", function() return math.huge == 1 / 0, -math.huge == -1 / 0 end)
