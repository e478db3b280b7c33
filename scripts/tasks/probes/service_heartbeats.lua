-- Asks services whether they are alive, and writes a document for each.

local compare = require "common.compare"
local timestamp = require "common.timestamp"

local MATCHES = { "equal", "subset" }

local ProbesServiceHeartbeats = {
  doc = "Asks HTTP services for their heartbeat. The task fails when one is dead.",
  kwargs = {
    services = { "list", required = true, of = { "map", fields = {
      name = { "string", required = true, doc = "as documents name the service" },
      endpoint = { "string", required = true, doc = "URL to get" },
      expected_status_code = { "integer", default = 200, doc = "HTTP status of a service that is alive" },
      expected_content = { "any", doc = "the JSON that it answers; null: anything will do" },
      timeout = { "duration", doc = "as the task's, for this service" },
      verify = { "boolean", doc = "as the task's, for this service" },
      ca = { "string", doc = "as the task's, for this service" },
      match = { "string", enum = MATCHES, doc = "as the task's, for this service" },
    } } },
    timeout = { "duration", default = 30, doc = "how long a service may take" },
    verify = { "boolean", default = true, doc = "check certificates" },
    ca = { "string", doc = "PEM file of the authorities to trust, instead of the usual ones" },
    match = { "string", default = "equal", enum = MATCHES,
      doc = "equal: the answer is expected_content; subset: it has at least what expected_content has" },
  },
}

-- setting is an option of a service, or else the task's.
local function setting(service, kwargs, name)
  if service[name] ~= nil then
    return service[name]
  end
  return kwargs[name]
end

-- content_problem returns what is wrong with the content of an answer, or nil.
local function content_problem(service, kwargs, answer)
  local expected = service.expected_content
  if expected == nil or type(expected) == "table" and next(expected) == nil then
    return nil
  end
  local is_json, got = pcall(answer.json)
  if not is_json then
    return "content mismatch, expected " .. json.encode(expected) .. " got something that is not JSON"
  end
  local same = setting(service, kwargs, "match") == "subset" and compare.contains or compare.equal
  if not same(got, expected) then
    return "content mismatch, expected " .. json.encode(expected) .. " got " .. json.encode(got)
  end
end

-- probe asks a service. It returns what is wrong, nil when the service is alive; and the answer, if there was one.
local function probe(service, kwargs)
  local answered, answer = pcall(http.get, service.endpoint, {
    timeout = setting(service, kwargs, "timeout"),
    verify = setting(service, kwargs, "verify"),
    ca = setting(service, kwargs, "ca"),
    retries = 0, -- a heartbeat that is missed is what the probe is for
  })
  if not answered then
    local advice = answer.class == "TLSError" and " (ca: FILE in the definition trusts its authority, verify: false anyone)" or ""
    return tostring(answer) .. advice
  end
  if answer.status ~= service.expected_status_code then
    return string.format("status code mismatch, expected %d got %d", service.expected_status_code, answer.status), answer
  end
  return content_problem(service, kwargs, answer), answer
end

function ProbesServiceHeartbeats.run(task, kwargs)
  -- The older form of definitions has databases instead of output, and one document for each service: the last.
  local older = kwargs.databases ~= nil
  for _, service in ipairs(kwargs.services) do
    local timer = time.timer()
    local problem, answer = probe(service, kwargs)
    local latency = timer:elapsed()
    task.check(service.name .. " is alive", not problem, problem)
    task.emit({
      ["@timestamp"] = older and timestamp.milliseconds() or timestamp.iso(),
      service_name = service.name,
      service_endpoint = service.endpoint,
      is_alive = problem and 0 or 1,
      error = problem or json.null,
      status_code = answer and answer.status,
      latency = latency,
      certificate_days_left = answer and answer.tls and math.floor((answer.tls.expires - time.now()) / 86400),
    }, { id = older and service.name or nil })
  end
end

return { ProbesServiceHeartbeats = ProbesServiceHeartbeats }
