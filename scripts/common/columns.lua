-- Tables for people, on standard output.

local columns = {}

-- format makes lines of text of lists of cells, with the cells below each other.
function columns.format(lines)
  local widths, all = {}, {}
  for _, line in ipairs(lines) do
    for i, text in ipairs(line) do
      widths[i] = math.max(widths[i] or 0, #text)
    end
  end
  for _, line in ipairs(lines) do
    local padded = {}
    for i, text in ipairs(line) do
      padded[i] = text .. (" "):rep(widths[i] - #text)
    end
    all[#all + 1] = (table.concat(padded, "  "):gsub("%s+$", ""))
  end
  return all
end

-- show prints them.
function columns.show(lines)
  print(table.concat(columns.format(lines), "\n"))
end

return columns
