-- Uploads files, has Rucio copy them to other RSEs, and writes a document for each rule.

local collections = require "common.collections"
local rules = require "common.rules"
local uploads = require "common.uploads"

local function with(more)
  local kwargs = {
    activity = { "string", required = true, doc = "activity of the replication rules" },
    n_files = { "integer", required = true, min = 1, doc = "files" },
    scope = { "string", required = true, min = 1, doc = "scope of the files and of their dataset" },
    lifetime = { "duration", required = true, min = 1, doc = "how long the rules last" },
    naming_prefix = { "string", default = "", doc = "begins the names of the files" },
    eb_id = { "string", default = "test_eb_001", doc = "execution block, begins the DIDs" },
    product_id = { "string", default = "test_prod_001", doc = "product, the second part of the DIDs" },
    transfer_timeout = { "duration", doc = "how long an upload may take; by default a minute, or as long as 1 MB/s takes" },
    wait = { "duration", default = 0, doc = "follow the rules for so long; 0: only make them" },
    poll = { "duration", default = 10, min = 0.1, doc = "how often to look at rules that are followed" },
  }
  for name, schema in pairs(more) do
    kwargs[name] = schema
  end
  return kwargs
end

local TestUploadReplication = {
  doc = "Uploads files of each size to each RSE, with a rule for each of the others. The task fails when one of these does.",
  kwargs = with {
    rses = { "list", required = true, min = 1, of = { "string", min = 1 }, doc = "RSEs to upload to and to replicate between" },
    sizes = { "list", required = true, min = 1, of = { "bytes", min = 1 }, doc = "sizes; n_files of each" },
  },
}

local TestUploadReplicationRandom = {
  doc = "Uploads files to RSEs chosen by chance, each with a rule for another one. The task fails when one of these does.",
  kwargs = with {
    rses = { "list", required = true, min = 2, of = { "string", min = 1 }, doc = "RSEs to choose from" },
    size = { "bytes", required = true, min = 1, doc = "of each file" },
  },
}

-- did_name is what a file is called in Rucio. The older form of definitions knows no products.
local function did_name(kwargs, name)
  if kwargs.databases ~= nil then
    return name
  end
  return kwargs.eb_id .. "." .. kwargs.product_id .. "/" .. name
end

-- send makes and uploads a file. It returns the upload, nil when it has failed.
local function send(task, kwargs, dataset, rse, size)
  local path, name = uploads.random_file(size, kwargs.naming_prefix)
  local upload = {
    path = path, name = did_name(kwargs, name), size = size, rse = rse, scope = kwargs.scope, lifetime = kwargs.lifetime,
    timeout = kwargs.transfer_timeout,
  }
  local result = uploads.run(upload)
  file.remove(path)
  task.check("upload of " .. upload.name .. " to " .. rse, result.ok, result.reason)
  if not result.ok then
    rules.emit(task, upload.scope, upload.name, uploads.older_base(task, upload, result))
    return nil
  end
  collections.attach(dataset, upload.scope, upload.name)
  return upload
end

-- replicate makes a rule. It returns what rules.follow takes, nil when there is none.
local function replicate(task, kwargs, upload, to)
  local made, ids = pcall(rucio.add_replication_rule, {
    dids = { { scope = upload.scope, name = upload.name } },
    copies = 1,
    rse_expression = to,
    lifetime = kwargs.lifetime,
    activity = kwargs.activity,
    source_replica_expression = upload.rse,
    asynchronous = false,
  })
  task.check("rule for " .. upload.name .. " from " .. upload.rse .. " to " .. to, made, ids)
  if not made then
    return nil
  end
  log.debug("rule " .. ids[1] .. " for " .. upload.scope .. ":" .. upload.name .. " from " .. upload.rse .. " to " .. to)
  return { id = ids[1], started = time.now(), what = upload.name .. " at " .. to }
end

-- follow follows the rules to their end.
local function follow(task, kwargs, followed)
  rules.follow(followed, kwargs.wait, kwargs.poll)
  for _, entry in ipairs(followed) do
    local problem = rules.problem(entry, kwargs.wait)
    task.check("replica of " .. entry.what, not problem, problem)
  end
end

-- tell writes the documents.
local function tell(task, sent)
  for _, upload in ipairs(sent) do
    rules.emit(task, upload.scope, upload.name, {
      task_name = task.name, file_size = upload.size, type = "file", n_files = 1, is_submitted = 1,
    })
  end
end

-- all sends the files of a list of { rse =, size =, to = { RSEs } }.
local function all(task, kwargs, plan)
  local dataset, no_dataset = collections.try(kwargs.scope)
  local sent, followed = {}, {}
  task.defer(function() -- a task that is stopped tells of what there is, too
    tell(task, sent)
  end)
  for _, step in ipairs(plan) do
    local upload = send(task, kwargs, dataset, step.rse, step.size)
    sent[#sent + 1] = upload
    for _, to in ipairs(upload and step.to or {}) do
      followed[#followed + 1] = replicate(task, kwargs, upload, to)
    end
  end
  if kwargs.wait > 0 then
    follow(task, kwargs, followed)
  end
  if no_dataset then
    error(no_dataset, 0)
  end
end

-- others are the RSEs but one.
local function others(rses, rse)
  local rest = {}
  for _, other in ipairs(rses) do
    if other ~= rse then
      rest[#rest + 1] = other
    end
  end
  return rest
end

function TestUploadReplication.run(task, kwargs)
  local plan = {}
  if #others(kwargs.rses, kwargs.rses[1]) == 0 then
    log.warn("kwargs.rses names only one RSE: files are uploaded, but there is no other to replicate them to")
  end
  for _, rse in ipairs(kwargs.rses) do
    for _, size in ipairs(kwargs.sizes) do
      for _ = 1, kwargs.n_files do
        plan[#plan + 1] = { rse = rse, size = size, to = others(kwargs.rses, rse) }
      end
    end
  end
  all(task, kwargs, plan)
end

function TestUploadReplicationRandom.run(task, kwargs)
  local plan = {}
  for _ = 1, kwargs.n_files do
    local rse = random.choice(kwargs.rses)
    local rest = others(kwargs.rses, rse)
    if #rest == 0 then
      error("kwargs.rses names only one RSE: a rule needs another one", 0)
    end
    plan[#plan + 1] = { rse = rse, size = kwargs.size, to = { random.choice(rest) } }
  end
  all(task, kwargs, plan)
end

return { TestUploadReplication = TestUploadReplication, TestUploadReplicationRandom = TestUploadReplicationRandom }
