-- Datasets and containers that tests put their files into.

local collections = {}

-- default_name is what a collection is called that nobody named: the day, in local time.
function collections.default_name(did_type)
  local day = time.format(time.now(), "%d-%m-%Y", "local")
  return did_type == "CONTAINER" and "container_" .. day or day
end

-- create makes a collection, unless there is one of that name, and returns its DID as a table. It is neither closed nor held by
-- a rule. Two jobs that make the same one at once both get it. Options: name (the day), type (DATASET or CONTAINER).
function collections.create(scope, options)
  options = options or {}
  local did_type = options.type or "DATASET"
  local collection = { scope = scope, name = options.name or collections.default_name(did_type) }
  local made, problem = pcall(rucio.add_did, scope, collection.name, did_type)
  if made then
    log.info("made " .. did_type .. " " .. did.format(collection))
    return collection
  end
  if problem.class ~= "DataIdentifierAlreadyExists" then
    error(problem, 0)
  end
  local there = rucio.get_did(scope, collection.name)
  if there.type ~= did_type then
    error(did.format(collection) .. " is there already, and a " .. there.type .. ", not a " .. did_type, 0)
  end
  return collection
end

-- try makes a collection as create does. Where that is not possible it says so in the log, and returns nil and the error: a test
-- goes on and tells of each upload, which is what it is for, and raises the error at its end.
function collections.try(scope, options)
  local made, collection = pcall(collections.create, scope, options)
  if made then
    return collection
  end
  log.error("no dataset in scope " .. scope .. ", files are attached to none: " .. tostring(collection))
  return nil, collection
end

-- attach puts a file into a collection, into none where that is nil. Where it is not possible it says so in the log; a file that
-- is in it already is fine.
function collections.attach(collection, scope, name)
  if not collection then
    return
  end
  local attached, problem = pcall(rucio.attach_dids_to_dids, {
    { scope = collection.scope, name = collection.name, dids = { { scope = scope, name = name } } },
  }, true)
  if not attached then
    log.warn("not attached to " .. did.format(collection) .. ": " .. tostring(problem))
  end
end

return collections
