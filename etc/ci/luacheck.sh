#!/usr/bin/env bash
# Lints the Lua scripts. luacheck is Debian's package lua-check; without it, and without the right to install it, say so.
set -euo pipefail
if ! command -v luacheck >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    (apt-get install -qq -y lua-check || { apt-get update -qq && apt-get install -qq -y lua-check; }) >/dev/null
  else
    echo "luacheck is missing: apt-get install lua-check" >&2
    exit 1
  fi
fi
luacheck --quiet --no-color scripts
