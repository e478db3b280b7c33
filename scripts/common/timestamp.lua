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

-- of_rucio is a time that Rucio tells ("Sat, 31 Jan 2026 12:00:00 UTC") as Python's datetime writes it, in UTC:
-- "2026-01-31T12:00:00"; json.null stays.
function timestamp.of_rucio(text)
  if not text or text == json.null then
    return json.null
  end
  return time.format(time.parse(text), "%Y-%m-%dT%H:%M:%S", "UTC")
end

return timestamp
