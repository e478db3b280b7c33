-- Comparing values as deep as they go: what tests do with JSON.

local compare = {}

-- equal tells whether two values are the same, tables by what they hold.
function compare.equal(a, b)
  return compare.contains(a, b, true)
end

-- contains tells whether actual has at least what expected has: a map each of expected's fields, with values that contain
-- its values; a list as many items, each of which contains its counterpart. Anything else must be equal. With exact, maps may
-- have no further fields.
function compare.contains(actual, expected, exact)
  if type(actual) ~= "table" or type(expected) ~= "table" then
    return actual == expected
  end
  for key, value in pairs(expected) do
    if not compare.contains(actual[key], value, exact) then
      return false
    end
  end
  for key in pairs(actual) do
    if expected[key] == nil and (exact or type(key) == "number") then
      return false
    end
  end
  return true
end

return compare
