-- Hello: what to do. The definition in etc/tasks/hello.yml says with which arguments, and when.
-- The modules log, rucio, file, time, http, json ... are there without a require; `rucio-task-manager methods list` lists
-- what rucio can do.

local Hello = {
  doc = "Lists the RSEs of an expression.",
  -- What the definition may say under kwargs; `check` and `run` hold it to this before anything is done.
  kwargs = {
    expression = { "string", default = "*", doc = "RSE expression" },
  },
}

function Hello.run(task, kwargs)
  local count = 0
  for rse in rucio.list_rses{ rse_expression = kwargs.expression } do
    log.info(rse.rse)
    count = count + 1
  end
  task.check("there are RSEs", count > 0)
end

return { Hello = Hello }
