-- Uploads of test files, timed, and documents about them.

local timestamp = require "common.timestamp"

local uploads = {}

-- random_name is the name of a random file: "[prefix_]100KB_231126T04.56.23_5f3a9c2e". The end makes it unlike all others.
function uploads.random_name(size, prefix)
  local name = string.format("%dKB_%s_%s", math.floor(size / 1000), time.format(time.now(), "%d%m%yT%H.%M.%S", "local"),
    random.string(8, "0123456789abcdef"))
  if prefix and prefix ~= "" then
    name = prefix .. "_" .. name
  end
  return name
end

-- random_file makes a file of random bytes, and returns its path and name.
function uploads.random_file(size, prefix)
  local name = uploads.random_name(size, prefix)
  return file.random(size, { name = name }), name
end

-- slowest is the rate, in bytes a second, below which an upload is given up when nobody says how long it may take.
local SLOWEST = 1e6

-- reason is why a file was not uploaded; where the error is one of many files, what it says of the only one there was.
local function reason(problem)
  local results = type(problem) == "table" and problem.results
  return results and #results == 1 and results[1].reason or tostring(problem)
end

-- run uploads a file. upload has path, rse, scope, name, size, lifetime, protocol and timeout (of which the last four may be
-- nil). It returns what became of it: ok, problem (the error), reason (what people want to know of it), duration in seconds,
-- attempted_at, and already, when the same bytes were there and nothing was sent.
function uploads.run(upload)
  local traces = {}
  local result = { attempted_at = timestamp.iso() }
  local timer = time.timer()
  result.ok, result.problem = pcall(rucio.upload, {
    {
      path = upload.path,
      rse = upload.rse,
      did_scope = upload.scope,
      did_name = upload.name,
      lifetime = upload.lifetime,
      register_after_upload = true,
      force_scheme = upload.protocol,
      transfer_timeout = upload.timeout or math.max(60, upload.size / SLOWEST),
    },
  }, { traces_copy_out = traces })
  result.duration = timer:elapsed()
  result.already = result.ok and traces[1] ~= nil and traces[1].clientState ~= "DONE"
  if result.ok then
    result.problem = nil
    log.info(string.format("uploaded %s:%s to %s%s in %.3f s", upload.scope, upload.name, upload.rse,
      upload.protocol and " by " .. upload.protocol or "", result.duration))
    if result.already then
      log.warn("the same bytes were there already, nothing was sent")
    end
  else
    result.reason = reason(result.problem)
    log.warn(string.format("upload of %s:%s to %s failed: %s", upload.scope, upload.name, upload.rse, result.reason))
  end
  return result
end

-- problem_fields are how documents tell of an error: its class and its words.
function uploads.problem_fields(problem)
  return type(problem) == "table" and problem.class or "Error", tostring(problem)
end

-- document makes the document of an upload, as today's dashboards know it.
function uploads.document(task, upload, result)
  local document = {
    task_name = task.name,
    scope = upload.scope,
    name = upload.name,
    file_size = upload.size,
    type = "file",
    n_files = 1,
    to_rse = upload.rse,
    protocol = upload.protocol,
    attempted_at = result.attempted_at,
    is_upload_submitted = 1,
  }
  if result.ok then
    document.state = "UPLOAD-SUCCESSFUL"
    document.is_upload_successful = 1
    if not result.already then
      document.transfer_duration = result.duration
      document.transfer_rate = upload.size / (result.duration * 1000) -- kB/s
    end
  else
    document.state = "UPLOAD-FAILED"
    document.is_upload_failed = 1
    document.error, document.error_details = uploads.problem_fields(result.problem)
  end
  return document
end

-- older_base is what the older form of definitions adds to the documents of a file's rules.
function uploads.older_base(task, upload, result)
  local base = {
    task_name = task.name,
    file_size = upload.size,
    type = "file",
    n_files = 1,
    is_upload_submitted = 1,
    protocol = upload.protocol,
  }
  if result.ok then
    base.upload_duration = result.duration
    base.state = "UPLOAD-SUCCESSFUL"
    return base
  end
  base.state = "UPLOAD-FAILED"
  base.created_at = result.attempted_at
  base.scope, base.name = upload.scope, upload.name
  base.from_rse, base.to_rse = json.null, upload.rse
  base.error, base.error_details = uploads.problem_fields(result.problem)
  return base
end

return uploads
