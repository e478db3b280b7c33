-- Tries all that RSEs are for: files go there and come back by each protocol, and on to other RSEs by rules.

local rules = require "common.rules"
local uploads = require "common.uploads"

local TransferMatrix = {
  doc = "For each RSE and protocol: uploads a file, looks at it, downloads it, compares it, has Rucio copy it to another RSE, "
    .. "and removes all of it again. Tells the time of each step, in a table and in documents.",
  kwargs = {
    rses = { "list", default = {}, of = "string", doc = "RSEs to try" },
    rse_expression = { "string", doc = "those of an expression, besides" },
    protocols = { "list", default = {}, of = "string", doc = "schemes to try; all that an RSE reads and writes by when empty" },
    scope = { "string", required = true, doc = "scope of the files" },
    size = { "bytes", default = "1MB", min = 1, doc = "of each file" },
    lifetime = { "duration", default = "1h", doc = "how long rules last when the task cannot remove them" },
    replicate = { "string", default = "next", enum = { "next", "all", "random", "none" },
      doc = "rules for which of the destinations: the next in their order, all, one by chance, none" },
    destinations = { "list", default = {}, of = "string", doc = "RSEs to replicate to; those that are tried when empty" },
    activity = { "string", default = "Functional Test", doc = "activity of the rules" },
    rule_timeout = { "duration", default = "15m", doc = "how long rules are followed" },
    poll = { "duration", default = "10s", min = 0.1, doc = "how often they are looked at" },
    transfer_timeout = { "duration",
      doc = "how long an upload or a download may take; by default a minute, or as long as 1 MB/s takes" },
    keep = { "boolean", default = false, doc = "leave files and rules, which end with their lifetime" },
  },
}

-- chosen_rses are the RSEs to try, each once.
local function chosen_rses(kwargs)
  local all, known = {}, {}
  local function add(rse)
    if not known[rse] then
      known[rse] = true
      all[#all + 1] = rse
    end
  end
  for _, rse in ipairs(kwargs.rses) do
    add(rse)
  end
  if kwargs.rse_expression then
    for row in rucio.list_rses{ rse_expression = kwargs.rse_expression } do
      add(row.rse)
    end
  end
  if #all == 0 then
    error("there is no RSE to try: give rses, or an rse_expression that matches some", 0)
  end
  return all
end

-- chosen_protocols are the schemes to try at an RSE, in the order of its protocols.
local function chosen_protocols(kwargs, rse)
  local wanted = {}
  for _, scheme in ipairs(kwargs.protocols) do
    wanted[scheme] = true
  end
  local all, known = {}, {}
  for _, protocol in ipairs(rucio.get_rse(rse).protocols) do
    local wan = protocol.domains and protocol.domains.wan or {}
    local usable = (wan.read or 0) > 0 and (wan.write or 0) > 0
    if usable and not known[protocol.scheme] and (#kwargs.protocols == 0 or wanted[protocol.scheme]) then
      known[protocol.scheme] = true
      all[#all + 1] = protocol.scheme
    end
  end
  for _, scheme in ipairs(kwargs.protocols) do
    if not known[scheme] then
      log.warn(rse .. " does not read and write by " .. scheme .. ": left out")
    end
  end
  return all
end

-- chosen_destinations are the RSEs to make rules for, for the file at one RSE.
local function chosen_destinations(kwargs, rses, rse)
  local candidates = #kwargs.destinations > 0 and kwargs.destinations or rses
  local behind, before, at = {}, {}, false
  for _, other in ipairs(candidates) do
    if other == rse then
      at = true
    else
      local part = at and behind or before
      part[#part + 1] = other
    end
  end
  for _, other in ipairs(before) do
    behind[#behind + 1] = other -- after the last comes the first
  end
  if kwargs.replicate == "none" or #behind == 0 then
    return {}
  elseif kwargs.replicate == "all" then
    return behind
  end
  return { kwargs.replicate == "random" and random.choice(behind) or behind[1] }
end

-- step does one thing with a file, and notes how long it took, or why it failed. It returns whether it went well.
local function step(task, cell, name, fn)
  local timer = time.timer()
  local ok, problem = pcall(fn)
  if ok then
    cell.took[name] = timer:elapsed()
  else
    cell.failed, cell.problem = name, problem
  end
  return task.check(cell.rse .. " by " .. cell.protocol .. ": " .. name, ok, problem)
end

-- look compares what is at the storage with what was sent.
local function look(cell)
  local replica = rucio.list_replicas({ { scope = cell.scope, name = cell.name } }, {
    schemes = { cell.protocol }, rse_expression = cell.rse,
  }):first()
  local pfns = replica and replica.rses and replica.rses[cell.rse]
  if not pfns or not pfns[1] then
    error("Rucio knows no replica at " .. cell.rse, 0)
  end
  local size = storage.stat(pfns[1]).size
  if size ~= cell.size then
    error(string.format("the file has %d bytes at the storage, %d were sent", size, cell.size), 0)
  end
end

-- fetch downloads the file to cell.copy.
local function fetch(kwargs, cell)
  local folder = file.temp("copies-*")
  local result = rucio.download_dids({
    {
      did = cell.scope .. ":" .. cell.name,
      rse = cell.rse,
      force_scheme = cell.protocol,
      base_dir = folder,
      no_subdir = true,
      transfer_timeout = kwargs.transfer_timeout or math.max(60, cell.size / 1e6),
    },
  })
  cell.copy = result[1].dest_file_paths[1]
end

-- compare tells whether what came back is what was sent.
local function compare(cell)
  local sent, got = file.checksum(cell.path, "sha256"), file.checksum(cell.copy, "sha256")
  if sent ~= got then
    error("what came back is not what was sent: sha256 " .. got .. ", not " .. sent, 0)
  end
end

-- replicate makes the rules of a file, and notes them for rules.follow.
local function replicate(task, kwargs, cell, followed)
  for _, to in ipairs(cell.destinations) do
    step(task, cell, "rule to " .. to, function()
      local ids = rucio.add_replication_rule{
        dids = { { scope = cell.scope, name = cell.name } }, copies = 1, rse_expression = to, lifetime = kwargs.lifetime,
        activity = kwargs.activity, source_replica_expression = cell.rse,
      }
      local entry = { id = ids[1], started = time.now(), to = to, cell = cell }
      cell.rules[#cell.rules + 1] = entry
      followed[#followed + 1] = entry
    end)
  end
end

-- there_and_back uploads a file, and gets it back.
local function there_and_back(task, kwargs, cell)
  cell.path = file.random(cell.size, { name = cell.name })
  if not kwargs.keep then
    task.defer(function()
      rules.expire(cell.scope, cell.name)
    end)
  end
  local upload = {
    path = cell.path, name = cell.name, size = cell.size, rse = cell.rse, protocol = cell.protocol, scope = cell.scope,
    lifetime = kwargs.lifetime, timeout = kwargs.transfer_timeout,
  }
  local result = uploads.run(upload)
  cell.document = uploads.document(task, upload, result)
  step(task, cell, "upload", function()
    if not result.ok then
      error(result.problem, 0)
    end
  end)
  if result.ok then
    cell.took.upload = result.duration
    local _ = step(task, cell, "stat", function() look(cell) end)
      and step(task, cell, "download", function() fetch(kwargs, cell) end)
      and step(task, cell, "compare", function() compare(cell) end)
  end
  for _, path in ipairs({ cell.path, cell.copy }) do
    file.remove(path)
  end
end

-- report writes the documents of a file: one of its way there and back, one of each rule.
local function report(task, cell)
  local document, took = cell.document, cell.took
  document.stat_duration = took.stat
  document.download_duration = took.download
  document.download_rate = took.download and cell.size / (took.download * 1000) -- kB/s
  document.is_download_successful = took.download and 1 or 0
  document.is_identical = took.compare and 1 or 0
  if cell.failed then
    document.failed_step = cell.failed
    document.error, document.error_details = uploads.problem_fields(cell.problem)
  end
  task.emit(document, { id = cell.name })
  for _, entry in ipairs(cell.rules) do
    if entry.rule then
      task.emit(rules.document(entry.rule, {
        task_name = task.name, file_size = cell.size, type = "file", n_files = 1, is_submitted = 1,
        replication_duration = entry.state == "OK" and entry.duration or nil, is_timed_out = entry.timed_out and 1 or 0,
      }), { id = entry.id })
    end
  end
end

local function seconds(value)
  return value and string.format("%.2fs", value) or "-"
end

-- rows are the lines of the table: one for each file, and one more for each further rule.
local function rows(cells)
  local all = { { "rse", "protocol", "upload", "stat", "download", "compare", "rule to", "state", "after", "result" } }
  for _, cell in ipairs(cells) do
    local row = { cell.rse, cell.protocol }
    for _, name in ipairs{ "upload", "stat", "download", "compare" } do
      row[#row + 1] = cell.failed == name and "FAILED" or seconds(cell.took[name])
    end
    local first = cell.rules[1] or {}
    row[7], row[8], row[9] = first.to or "-", first.state or "-", seconds(first.duration)
    row[10] = cell.failed and "failed: " .. cell.failed or "ok"
    all[#all + 1] = row
    for i = 2, #cell.rules do
      local entry = cell.rules[i]
      all[#all + 1] = { "", "", "", "", "", "", entry.to, entry.state or "-", seconds(entry.duration), "" }
    end
  end
  return all
end

-- show prints lines of cells in columns.
local function show(lines)
  local widths = {}
  for _, line in ipairs(lines) do
    for i, text in ipairs(line) do
      widths[i] = math.max(widths[i] or 0, #text)
    end
  end
  for _, line in ipairs(lines) do
    local padded = {}
    for i, text in ipairs(line) do
      padded[i] = text .. (" "):rep(widths[i] - #text)
    end
    print((table.concat(padded, "  "):gsub("%s+$", "")))
  end
end

-- plan makes the cells of the matrix.
local function plan(kwargs)
  local rses, cells = chosen_rses(kwargs), {}
  for _, rse in ipairs(rses) do
    for _, protocol in ipairs(chosen_protocols(kwargs, rse)) do
      cells[#cells + 1] = {
        rse = rse, protocol = protocol, scope = kwargs.scope, size = kwargs.size, took = {}, rules = {},
        name = uploads.random_name(kwargs.size, "matrix_" .. rse .. "_" .. protocol),
        destinations = chosen_destinations(kwargs, rses, rse),
      }
    end
  end
  if #cells == 0 then
    error("none of " .. table.concat(rses, ", ") .. " reads and writes by one of the protocols", 0)
  end
  return cells
end

function TransferMatrix.run(task, kwargs)
  local cells, followed = plan(kwargs), {}
  for _, cell in ipairs(cells) do
    there_and_back(task, kwargs, cell)
    if cell.took.upload then
      replicate(task, kwargs, cell, followed)
    end
  end
  rules.follow(followed, kwargs.rule_timeout, kwargs.poll)
  for _, entry in ipairs(followed) do
    local cell = entry.cell
    local why = entry.timed_out and "still " .. tostring(entry.state) .. " after " .. kwargs.rule_timeout .. " s" or entry.state
    local ok = task.check(cell.rse .. " by " .. cell.protocol .. ": replica at " .. entry.to, entry.state == "OK", why)
    if not ok and not cell.failed then
      cell.failed, cell.problem = "replica at " .. entry.to, why
    end
  end
  for _, cell in ipairs(cells) do
    report(task, cell)
  end
  show(rows(cells))
end

return { TransferMatrix = TransferMatrix }
