-- declare(KEYS = [prefix], ARGV = [worker, then kind, name, config ...]) -> {what is in force no more, each as <kind> <name>}
-- needs _gates
-- Writes down the policies that a worker knows; with none it withdraws those that it declared. What no worker declares
-- any more goes with the same call: budgets, breakers and limits of calls, which would be in force for everybody. A limit
-- of starts stays: runs were sent under it, and what nobody describes lets nothing through.
local worker = ARGV[1]
local mine = {}
for i = 2, #ARGV, 3 do
  local kind, name = ARGV[i], ARGV[i + 1]
  redis.call('HSET', P .. kind, 'declared:' .. name, ARGV[i + 2])
  mine[#mine + 1] = kind .. ' ' .. name
end
if #mine > 0 then
  redis.call('HSET', P .. 'declared_by', worker, string.format('%.0f', NOW) .. '\n' .. table.concat(mine, '\n'))
else
  redis.call('HDEL', P .. 'declared_by', worker)
end

-- A worker that was not heard of for so long is gone; unless nobody could be heard: while Redis was away.
local GONE = 600000
local s = redis.call('HMGET', P .. 'sweep', 'last', 'hold')
local heard = s[1] and NOW - s[1] < 60000 and tonumber(s[2] or 0) < NOW
local declared, living = {}, 0
local all = redis.call('HGETALL', P .. 'declared_by')
for i = 1, #all, 2 do
  local at = tonumber(string.match(all[i + 1], '^%d+'))
  local seen = tonumber(redis.call('ZSCORE', P .. 'workers', all[i]) or 0)
  if heard and math.max(at, seen) < NOW - GONE then
    redis.call('HDEL', P .. 'declared_by', all[i])
  else
    living = living + 1
    for what in string.gmatch(all[i + 1], '\n([^\n]+)') do declared[what] = true end
  end
end

local gone = {}
if living > 0 then -- with nobody at work, the last word stands until somebody is
  for _, kind in ipairs({ 'limits', 'breakers', 'budgets' }) do
    for _, field in ipairs(redis.call('HKEYS', P .. kind)) do
      local name = string.match(field, '^declared:(.*)$')
      if name and not declared[kind .. ' ' .. name] then
        local starts = kind == 'limits' and cjson.decode(redis.call('HGET', P .. kind, field)).on ~= 'call'
        if not starts then
          redis.call('HDEL', P .. kind, field)
          gone[#gone + 1] = kind .. ' ' .. name
        end
      end
    end
  end
end
-- What waits for a limit that was changed is asked again.
for _, gate in ipairs(redis.call('ZRANGE', P .. 'gates', 0, 99)) do
  if string.sub(gate, 1, 2) == 'l:' then reopen(gate) end
end
return gone
