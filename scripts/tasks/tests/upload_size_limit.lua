-- Uploads larger and larger files, to find out how large they may be.

local uploads = require "common.uploads"

local UploadSizeLimit = {
  doc = "Uploads FITS images that grow by a factor, until one cannot be uploaded. The task fails when one cannot.",
  kwargs = {
    rse = { "string", required = true, min = 1, doc = "RSE to upload to" },
    scope = { "string", required = true, min = 1, doc = "scope of the files" },
    lifetime = { "duration", required = true, min = 1, doc = "how long the rules of the files last" },
    min_size = { "integer", required = true, min = 1, doc = "values (8 bytes each) in the first image" },
    max_size = { "integer", required = true, min = 1, doc = "values in the last one, at most" },
    factor = { "number", required = true, min = 1, doc = "by which images grow; more than 1" },
    protocol = { "string", doc = "scheme to upload by; any when absent" },
    transfer_timeout = { "duration", doc = "how long an upload may take; by default a minute, or as long as 1 MB/s takes" },
  },
}

local LETTERS = "abcdefghijklmnopqrstuvwxyz"

-- attempt uploads an image of so many values. It returns whether that went well, and its size in bytes.
local function attempt(task, kwargs, values)
  local name = random.string(10, LETTERS) .. ".fits"
  local path = fits.random(values, { name = name })
  local size = file.size(path)
  log.info(string.format("%s has %.3f MB", name, size / 1e6))
  local upload = {
    path = path, name = name, size = size, rse = kwargs.rse, scope = kwargs.scope, lifetime = kwargs.lifetime,
    protocol = kwargs.protocol, timeout = kwargs.transfer_timeout,
  }
  local result = uploads.run(upload)
  file.remove(path)
  task.emit(uploads.document(task, upload, result), { id = name })
  return task.check(string.format("upload of %d bytes", size), result.ok, result.reason), size
end

function UploadSizeLimit.run(task, kwargs)
  if kwargs.factor <= 1 then
    error("kwargs.factor must be more than 1, or sizes do not grow", 0)
  elseif kwargs.min_size > kwargs.max_size then
    error(string.format("kwargs.min_size (%d) is more than kwargs.max_size (%d): there is nothing to upload",
      kwargs.min_size, kwargs.max_size), 0)
  end
  rucio.whoami() -- a Rucio that is not there, or lets nobody in, is no limit of sizes
  local values, largest = kwargs.min_size, nil
  while values <= kwargs.max_size do
    local ok, size = attempt(task, kwargs, values)
    if not ok then
      log.warn(largest and string.format("the largest file that could be uploaded has %d bytes", largest)
        or "no file could be uploaded")
      return
    end
    largest = size
    values = math.max(values + 1, math.floor(values * kwargs.factor))
  end
end

return { UploadSizeLimit = UploadSizeLimit }
