-- forget_ended(KEYS = [prefix], ARGV = [position]) -> how many entries of the feed are gone, at most 1,000 a call
-- Removes what was read of the feed of ended runs, up to and with this position.
local found = redis.call('XRANGE', P .. 'ended', '-', ARGV[1], 'COUNT', 1000)
if #found > 0 then
  local runs = 0
  for _, entry in ipairs(found) do runs = runs + #entry[2] / 2 end
  local ms, nth = string.match(found[#found][1], '^(%d+)-(%d+)$')
  redis.call('XTRIM', P .. 'ended', 'MINID', ms .. '-' .. string.format('%.0f', nth + 1))
  redis.call('DECRBY', P .. 'ended:runs', runs)
end
-- A Redis that came back from a copy of an earlier day may be behind: what is new must lie after what was read.
if redis.call('XLEN', P .. 'ended') == 0 and redis.call('EXISTS', P .. 'ended') == 1 then
  local last = redis.call('XINFO', 'STREAM', P .. 'ended')
  for i = 1, #last, 2 do
    if last[i] == 'last-generated-id' then
      local was, now = string.match(last[i + 1], '^%d+'), string.match(ARGV[1], '^%d+')
      if tonumber(now) > tonumber(was) then redis.call('XSETID', P .. 'ended', ARGV[1]) end
    end
  end
end
return #found
