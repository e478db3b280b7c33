-- Tries all that RSEs are for: files go there and come back by each protocol, and on to other RSEs by rules.

local columns = require "common.columns"
local rules = require "common.rules"
local timestamp = require "common.timestamp"
local uploads = require "common.uploads"

local TransferMatrix = {
  doc = "For each RSE and protocol: uploads a file, looks at it, downloads it, compares it, has Rucio copy it to another RSE, "
    .. "and removes all of it again. Tells the time of each step, in a table and in documents.",
  kwargs = {
    rses = { "list", default = {}, of = { "string", min = 1 }, doc = "RSEs to try" },
    rse_expression = { "string", doc = "those of an expression, besides" },
    protocols = { "list", default = {}, of = "string", doc = "schemes to try; all that an RSE reads and writes by when empty" },
    scope = { "string", required = true, min = 1, doc = "scope of the files" },
    naming_prefix = { "string", default = "matrix", doc = "begins the names of the files" },
    size = { "bytes", default = "1MB", min = 1, doc = "of each file" },
    lifetime = { "duration", default = "1h", min = 1, doc = "how long rules last when the task cannot remove them" },
    replicate = { "string", default = "next", enum = { "next", "all", "random", "none" },
      doc = "rules for which of the destinations: the next in their order, all, one by chance, none" },
    destinations = { "list", default = {}, of = { "string", min = 1 },
      doc = "RSEs to replicate to; those that are tried when empty" },
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
    local matched, problem = pcall(function()
      for row in rucio.list_rses{ rse_expression = kwargs.rse_expression } do
        add(row.rse)
      end
    end)
    if not matched and problem.class == "InvalidRSEExpression" then
      local why = problem.message:find("empty set") and "no RSE matches it" or problem.message
      error(string.format("kwargs.rse_expression %q: %s", kwargs.rse_expression, why), 0)
    elseif not matched then
      error(problem, 0)
    end
  end
  if #all == 0 then
    error("there is no RSE to try: give kwargs.rses, or a kwargs.rse_expression that matches some", 0)
  end
  return all
end

-- protocols_of are the protocols of an RSE. It returns nil and the error where Rucio knows no such RSE, which is a result as
-- others are.
local function protocols_of(rse)
  local found, answer = pcall(rucio.get_rse, rse)
  if found then
    return answer.protocols
  elseif answer.class == "RSENotFound" then
    return nil, answer
  end
  error(answer, 0)
end

-- chosen_protocols are the schemes to try at an RSE, in the order of its protocols.
local function chosen_protocols(kwargs, rse, protocols)
  local wanted, has = {}, {}
  for _, scheme in ipairs(kwargs.protocols) do
    wanted[scheme] = true
  end
  local all, known = {}, {}
  for _, protocol in ipairs(protocols) do
    has[#has + 1] = protocol.scheme
    local wan = protocol.domains and protocol.domains.wan or {}
    local usable = (wan.read or 0) > 0 and (wan.write or 0) > 0
    if usable and not known[protocol.scheme] and (#kwargs.protocols == 0 or wanted[protocol.scheme]) then
      known[protocol.scheme] = true
      all[#all + 1] = protocol.scheme
    end
  end
  for _, scheme in ipairs(kwargs.protocols) do
    if not known[scheme] then
      log.warn(string.format("%s does not read and write by %s: left out (it has %s)", rse, scheme, table.concat(has, ", ")))
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

-- judge notes whether a step went well; the first that did not is what the file failed by. reason is for people.
local function judge(task, cell, name, ok, problem, reason)
  if not ok and not cell.failed then
    cell.failed, cell.problem = name, problem
  end
  local what = cell.protocol and cell.rse .. " by " .. cell.protocol or cell.rse
  return task.check(what .. ": " .. name, ok, reason or problem)
end

-- step does one thing with a file, and notes how long it took, or why it failed. It returns whether it went well, and why not.
local function step(task, cell, name, fn)
  local timer = time.timer()
  local ok, problem = pcall(fn)
  if ok then
    cell.took[name] = timer:elapsed()
  end
  return judge(task, cell, name, ok, problem), problem
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
    local entry = { to = to, cell = cell, started = time.now() }
    cell.rules[#cell.rules + 1] = entry
    local made, problem = step(task, cell, "rule to " .. to, function()
      entry.id = rucio.add_replication_rule{
        dids = { { scope = cell.scope, name = cell.name } }, copies = 1, rse_expression = to, lifetime = kwargs.lifetime,
        activity = kwargs.activity, source_replica_expression = cell.rse,
      }[1]
    end)
    if made then
      followed[#followed + 1] = entry
    else
      entry.state, entry.refusal = "REFUSED", problem
    end
  end
end

-- send uploads the file of a cell, and begins its document. It returns whether that went well.
local function send(task, kwargs, cell)
  local upload = {
    path = cell.path, name = cell.name, size = cell.size, rse = cell.rse, protocol = cell.protocol, scope = cell.scope,
    lifetime = kwargs.lifetime, timeout = kwargs.transfer_timeout,
  }
  local result = cell.unknown and { problem = cell.unknown, attempted_at = timestamp.iso() } or uploads.run(upload)
  cell.document = uploads.document(task, upload, result)
  cell.took.upload = result.ok and result.duration or nil
  return judge(task, cell, "upload", result.ok, result.problem, result.reason)
end

-- there_and_back uploads a file, and gets it back.
local function there_and_back(task, kwargs, cell)
  cell.begun = true
  cell.path = file.random(cell.size, { name = cell.name })
  if not kwargs.keep and not cell.unknown then
    task.defer(function()
      rules.expire(cell.scope, cell.name)
    end)
  end
  if send(task, kwargs, cell) then
    local _ = step(task, cell, "stat", function() look(cell) end)
      and step(task, cell, "download", function() fetch(kwargs, cell) end)
      and step(task, cell, "compare", function() compare(cell) end)
  end
  for _, path in ipairs({ cell.path, cell.copy }) do
    file.remove(path)
  end
end

-- rule_document tells of a rule: as Rucio said last, or as it was asked for when Rucio has said nothing.
local function rule_document(task, cell, entry)
  local base = {
    task_name = task.name, file_size = cell.size, type = "file", n_files = 1, is_submitted = 1, state = entry.state,
    replication_duration = entry.state == "OK" and entry.duration or nil, is_timed_out = entry.timed_out and 1 or 0,
  }
  if entry.refusal then
    base.error, base.error_details = uploads.problem_fields(entry.refusal)
  end
  return rules.document(entry.rule or {
    id = entry.id, scope = cell.scope, name = cell.name, source_replica_expression = cell.rse, rse_expression = entry.to,
  }, base)
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
  elseif not cell.done then
    document.failed_step = "stopped"
  end
  task.emit(document, { id = cell.name })
  for _, entry in ipairs(cell.rules) do
    task.emit(rule_document(task, cell, entry), { id = entry.id })
  end
end

local function seconds(value)
  return value and string.format("%.2fs", value) or "-"
end

-- outcome is what became of a file, in a word or two.
local function outcome(cell)
  if cell.failed then
    return "failed: " .. cell.failed
  elseif cell.done then
    return "ok"
  end
  return cell.begun and "stopped" or "not tried"
end

-- rows are the lines of the table: one for each file, and one more for each further rule.
local function rows(cells)
  local all = { { "rse", "protocol", "upload", "stat", "download", "compare", "rule to", "state", "after", "result" } }
  for _, cell in ipairs(cells) do
    local row = { cell.rse, cell.protocol or "-" }
    for _, name in ipairs{ "upload", "stat", "download", "compare" } do
      row[#row + 1] = cell.failed == name and "FAILED" or seconds(cell.took[name])
    end
    for i = 1, math.max(1, #cell.rules) do
      local entry = cell.rules[i] or {}
      row[7], row[9], row[10] = entry.to or "-", seconds(entry.duration), i == 1 and outcome(cell) or ""
      row[8] = (entry.state or "-") .. (entry.timed_out and ", timeout" or "")
      all[#all + 1] = row
      row = { "", "", "", "", "", "" }
    end
  end
  return all
end

-- file_name is what the file for an RSE and a protocol, if it is known, is called.
local function file_name(kwargs, rse, protocol)
  local parts = { rse, protocol or nil }
  if kwargs.naming_prefix ~= "" then
    table.insert(parts, 1, kwargs.naming_prefix)
  end
  return uploads.random_name(kwargs.size, table.concat(parts, "_"))
end

-- plan makes the cells of the matrix. An RSE that Rucio does not know has one too, to tell of it.
local function plan(kwargs)
  local rses, known, cells = chosen_rses(kwargs), {}, {}
  for _, rse in ipairs(rses) do
    local protocols, unknown = protocols_of(rse)
    if not unknown then
      known[#known + 1] = rse
    end
    for _, protocol in ipairs(unknown and { false } or chosen_protocols(kwargs, rse, protocols)) do
      cells[#cells + 1] = {
        rse = rse, protocol = protocol or nil, unknown = unknown, scope = kwargs.scope, size = kwargs.size, took = {}, rules = {},
        name = file_name(kwargs, rse, protocol),
      }
    end
  end
  if #cells == 0 then
    error(string.format("none of %s reads and writes by %s: see kwargs.protocols", table.concat(rses, ", "),
      #kwargs.protocols > 0 and table.concat(kwargs.protocols, ", ") or "any protocol"), 0)
  end
  for _, cell in ipairs(cells) do
    cell.destinations = chosen_destinations(kwargs, known, cell.rse)
  end
  return cells
end

-- conclude judges the rules that were followed to their end.
local function conclude(task, kwargs, cells, followed)
  for _, entry in ipairs(followed) do
    local problem = rules.problem(entry, kwargs.rule_timeout)
    judge(task, entry.cell, "replica at " .. entry.to, not problem, problem)
  end
  for _, cell in ipairs(cells) do
    cell.done = true
  end
end

-- teller returns a function that tells of all files, in documents and in the table, when it is called first.
local function teller(task, cells)
  local told = false
  return function()
    if told then
      return
    end
    told = true
    columns.show(rows(cells))
    for _, cell in ipairs(cells) do
      if cell.document then
        report(task, cell)
      end
    end
  end
end

function TransferMatrix.run(task, kwargs)
  local cells, followed = plan(kwargs), {}
  local tell = teller(task, cells)
  task.defer(tell) -- for a task that is stopped before its end; called after all is removed
  for _, cell in ipairs(cells) do
    there_and_back(task, kwargs, cell)
    if cell.took.upload then
      replicate(task, kwargs, cell, followed)
    end
  end
  rules.follow(followed, kwargs.rule_timeout, kwargs.poll)
  conclude(task, kwargs, cells, followed)
  tell()
end

return { TransferMatrix = TransferMatrix }
