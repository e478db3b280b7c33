-- The two smallest tasks, to see that an installation works: one that needs nothing, one that logs in to Rucio.

local StubHelloWorld = {
  doc = "Logs a text.",
  kwargs = {
    text = { "any", required = true, doc = "what to log" },
  },
}

function StubHelloWorld.run(_, kwargs)
  log.info(kwargs.text)
end

local StubRucioAPI = {
  doc = "Logs Rucio's version, and who we are to it.",
  kwargs = {
    dummy = { "any", doc = "not used; the original's definition has it" },
  },
}

function StubRucioAPI.run()
  log.info("ping:", rucio.ping())
  log.info("whoami:", rucio.whoami())
end

return { StubHelloWorld = StubHelloWorld, StubRucioAPI = StubRucioAPI }
