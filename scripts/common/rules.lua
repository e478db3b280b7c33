-- Replication rules: documents about them, as dashboards know them, and following them to their end.

local timestamp = require "common.timestamp"

local rules = {}

-- The states in which a rule is not followed any longer.
local ENDED = { OK = true, STUCK = true, SUSPENDED = true }

-- flags adds what dashboards count by.
function rules.flags(document)
  local state = document.state
  document.is_done = state == "OK" and 1 or 0
  document.is_replicating = state == "REPLICATING" and 1 or 0
  document.is_stuck = state == "STUCK" and 1 or 0
  document.is_upload_failed = state == "UPLOAD-FAILED" and 1 or 0
  document.is_upload_successful = state == "UPLOAD-SUCCESSFUL" and 1 or 0
  return document
end

-- unsigned is a PFN without the signature by which whoever sees it may read the file for a time.
function rules.unsigned(pfn)
  local query = pfn:match("%?(.*)")
  if query and (query:find("[Ss]ignature=") or query:find("temp_url_sig=")) then
    return pfn:match("^[^?]*")
  end
  return pfn
end

-- replica_pfn returns the first PFN of a file at an RSE, nil when it is not there (yet).
local function replica_pfn(scope, name, rse)
  local found, replica = pcall(function()
    return rucio.list_replicas({ { scope = scope, name = name } }, { all_states = true }):first()
  end)
  local pfns = found and replica and replica.rses and replica.rses[rse]
  return pfns and pfns[1] and rules.unsigned(pfns[1])
end

local function merged(document, base)
  for key, value in pairs(base) do
    document[key] = value
  end
  return rules.flags(document)
end

-- document makes the document of a rule; base wins.
function rules.document(rule, base)
  local pfn = replica_pfn(rule.scope, rule.name, rule.rse_expression)
  return merged({
    ["@timestamp"] = timestamp.milliseconds(),
    rule_id = rule.id,
    scope = rule.scope,
    name = rule.name,
    from_rse = rule.source_replica_expression or json.null,
    to_rse = rule.rse_expression,
    created_at = timestamp.of_rucio(rule.created_at),
    updated_at = timestamp.of_rucio(rule.updated_at),
    expires_at = timestamp.of_rucio(rule.expires_at),
    state = rule.state,
    error = rule.error or json.null,
    endpoint = pfn or json.null,
    protocol = pfn and pfn:match("^(%w+):") or json.null,
    fts_throughput = json.null,
  }, base)
end

-- documents makes a document for each rule of a DID; one with a random rule_id when there is none, or none that Rucio tells of:
-- then why is returned too.
function rules.documents(scope, name, base)
  local all = {}
  local listed, problem = pcall(function()
    for rule in rucio.list_did_rules(scope, name) do
      all[#all + 1] = rules.document(rule, base)
    end
  end)
  if #all == 0 then
    all[1] = merged({ ["@timestamp"] = timestamp.milliseconds(), rule_id = uuid() }, base)
  end
  if not listed and problem.class ~= "DataIdentifierNotFound" then
    return all, problem
  end
  return all
end

-- emit hands the documents of a DID's rules to the databases.
function rules.emit(task, scope, name, base)
  local documents, problem = rules.documents(scope, name, base)
  if problem then
    task.check("rules of " .. scope .. ":" .. name, false, problem)
  end
  for _, document in ipairs(documents) do
    task.emit(document, { id = document.rule_id })
  end
end

-- look asks for a rule's state, and notes it. An error of the moment is no end: the rule may be asked for again.
local function look(entry)
  local found, rule = pcall(rucio.get_replication_rule, entry.id)
  if found then
    entry.rule, entry.state = rule, rule.state
  elseif rule.class == "RuleNotFound" then
    entry.state, entry.problem = "GONE", tostring(rule)
  else
    log.warn("rule " .. entry.id .. " cannot be asked for: " .. tostring(rule))
  end
  return ENDED[entry.state] or entry.state == "GONE"
end

-- follow waits for rules, all at once, until each is OK, STUCK or gone, or the time is over. An entry is a table with id and
-- started (seconds since 1970); it gets state, rule (what Rucio said last) and duration, until its end was seen. Those that have
-- not ended keep the state that they had, with timed_out = true.
function rules.follow(entries, timeout, poll)
  local timer = time.timer()
  local pending = entries
  while #pending > 0 do
    local left = {}
    for _, entry in ipairs(pending) do
      local ended = look(entry)
      entry.duration = time.now() - entry.started
      if not ended then
        left[#left + 1] = entry
      end
    end
    pending = left
    local rest = timeout - timer:elapsed()
    if #pending > 0 and rest <= 0 then
      for _, entry in ipairs(pending) do
        entry.timed_out = true
      end
      return
    end
    if #pending > 0 then
      time.sleep(math.min(poll, math.max(rest, 0.1)))
    end
  end
end

-- problem tells why a rule that was followed for some seconds is not OK, nil when it is.
function rules.problem(entry, timeout)
  if entry.state == "OK" then
    return nil
  end
  local text = entry.state or "in no state that could be asked for"
  local why = entry.rule and entry.rule.error
  if why and why ~= json.null and why ~= "" then
    text = text .. " (" .. why .. ")"
  end
  return entry.timed_out and string.format("still %s after %g s", text, timeout) or text
end

-- release lets replicas be deleted that no rule holds: those of an upload that was registered, and whose rule was refused.
local function release(scope, name)
  local replicas = {}
  for replica in rucio.list_replicas({ { scope = scope, name = name } }, { all_states = true }) do
    for rse in pairs(replica.rses) do
      replicas[#replicas + 1] = { scope = scope, name = name, rse = rse }
    end
  end
  if #replicas > 0 then
    rucio.set_tombstone(replicas)
  end
end

-- expire ends all rules of a file now, so that its replicas are deleted. A file that does not exist has none. A rule that cannot
-- be ended keeps no other from that.
function rules.expire(scope, name)
  local listed, all = pcall(function()
    return rucio.list_did_rules(scope, name):collect()
  end)
  if not listed and all.class == "DataIdentifierNotFound" then
    return
  elseif not listed then
    error(all, 0)
  end
  if #all == 0 then
    release(scope, name)
  end
  local first
  for _, rule in ipairs(all) do
    local ended, problem = pcall(rucio.update_replication_rule, rule.id, { lifetime = -10, purge_replicas = true })
    if not ended then
      first = first or problem
    end
  end
  if first then
    error(first, 0)
  end
end

return rules
