-- Times as the dashboards of the Python original know them.

local timestamp = {}

-- iso is the local time without a zone, as Python's datetime.now().isoformat() has it: "2026-11-23T04:56:23.784012".
function timestamp.iso(seconds)
  return time.format(seconds or time.now(), "%Y-%m-%dT%H:%M:%S.%f", "local")
end

-- milliseconds is the whole number of milliseconds since 1970.
function timestamp.milliseconds(seconds)
  return math.floor((seconds or time.now()) * 1000)
end

return timestamp
