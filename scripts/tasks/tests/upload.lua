-- Uploads files to RSEs by each of their protocols, and writes a document for each upload.

local collections = require "common.collections"
local rules = require "common.rules"
local uploads = require "common.uploads"

local TestUpload = {
  doc = "Uploads files to each RSE by each protocol, into a dataset of the day. The task fails when an upload does.",
  kwargs = {
    rses = { "list", required = true, min = 1, of = { "string", min = 1 }, doc = "RSEs to upload to" },
    protocols = { "list", required = true, min = 1, of = "string", doc = "schemes to upload by: https, davs, root ..." },
    scope = { "string", required = true, min = 1, doc = "scope of the files and of their dataset" },
    lifetime = { "duration", required = true, min = 1, doc = "how long the rules of the files last" },
    n_files = { "integer", default = 0, min = 0, doc = "random files to make, for each RSE and protocol" },
    sizes = { "list", default = {}, of = { "bytes", min = 1 }, doc = "size of each file" },
    file_paths = { "list", default = {}, of = "string", doc = "files to upload, instead of random ones" },
    naming_prefix = { "string", default = "", doc = "begins the names of random files" },
    transfer_timeout = { "duration", doc = "how long an upload may take; by default a minute, or as long as 1 MB/s takes" },
  },
}

-- given_files are the files that the definition names. A second protocol at the same RSE needs a DID of its own.
local function given_files(kwargs, rse_protocol)
  local all = {}
  for _, path in ipairs(kwargs.file_paths) do
    local name = path:match("[^/]+$")
    if rse_protocol.number > 1 then
      name = name .. "." .. rse_protocol.protocol
    end
    all[#all + 1] = { path = path, name = name, size = file.size(path) }
  end
  return all
end

-- wanted_sizes is a size for each file. The older form of definitions wants n_files of each size, today's a size for each.
local function wanted_sizes(kwargs)
  local older, all = kwargs.databases ~= nil, {}
  if kwargs.n_files < 1 or #kwargs.sizes < 1 then
    error("there is nothing to upload: give kwargs.n_files and kwargs.sizes, or kwargs.file_paths", 0)
  end
  if not older and #kwargs.sizes ~= kwargs.n_files then
    error(string.format("kwargs.sizes has %d entries for n_files: %d; each file needs one", #kwargs.sizes, kwargs.n_files), 0)
  end
  for _, size in ipairs(kwargs.sizes) do
    for _ = 1, older and kwargs.n_files or 1 do
      all[#all + 1] = size
    end
  end
  return all
end

-- random_files makes files that nobody else has.
local function random_files(kwargs, sizes)
  local all = {}
  for i, size in ipairs(sizes) do
    local prefix = kwargs.naming_prefix
    if #sizes > 1 then
      prefix = prefix == "" and tostring(i - 1) or prefix .. "_" .. (i - 1)
    end
    local path, name = uploads.random_file(size, prefix)
    all[#all + 1] = { path = path, name = name, size = size, temporary = true }
  end
  return all
end

-- report writes the documents of an upload.
local function report(task, kwargs, upload, result, id)
  if kwargs.databases ~= nil then
    rules.emit(task, upload.scope, upload.name, uploads.older_base(task, upload, result))
  else
    task.emit(uploads.document(task, upload, result), { id = id })
  end
end

-- one uploads a file and tells of it.
local function one(task, kwargs, dataset, upload, id)
  local result = uploads.run(upload)
  if result.ok then
    collections.attach(dataset, upload.scope, upload.name)
  end
  report(task, kwargs, upload, result, id)
  task.check(string.format("upload of %s to %s by %s", upload.name, upload.rse, upload.protocol), result.ok, result.reason)
end

-- check_paths refuses paths that are no files, or files of one name: that is their DID. Nothing is uploaded then.
local function check_paths(paths)
  local named = {}
  for i, path in ipairs(paths) do
    local field, name = string.format("kwargs.file_paths[%d]: ", i - 1), path:match("[^/]*$")
    if not file.exists(path) then
      error(field .. "there is no file " .. path, 0)
    elseif storage.stat(path).folder then
      error(field .. path .. " is a folder; name the files in it", 0)
    elseif named[name] then
      error(string.format("%s%s has the same name as %s, and would be the same DID", field, path, named[name]), 0)
    end
    named[name] = path
  end
end

function TestUpload.run(task, kwargs)
  local given = #kwargs.file_paths > 0
  check_paths(kwargs.file_paths)
  local sizes = not given and wanted_sizes(kwargs)
  local several = #kwargs.rses * #kwargs.protocols > 1
  local dataset, no_dataset = collections.try(kwargs.scope)
  for _, rse in ipairs(kwargs.rses) do
    for number, protocol in ipairs(kwargs.protocols) do
      local files = given and given_files(kwargs, { number = number, protocol = protocol }) or random_files(kwargs, sizes)
      for _, f in ipairs(files) do
        local upload = {
          path = f.path, name = f.name, size = f.size, rse = rse, protocol = protocol, scope = kwargs.scope,
          lifetime = kwargs.lifetime, timeout = kwargs.transfer_timeout,
        }
        one(task, kwargs, dataset, upload, given and several and f.name .. "@" .. rse .. "@" .. protocol or f.name)
        if f.temporary then
          file.remove(f.path)
        end
      end
    end
  end
  if no_dataset then
    error(no_dataset, 0)
  end
end

return { TestUpload = TestUpload }
