-- declare_schedules(KEYS = [prefix], ARGV = [anew, then name, declaration, times, from_ms ...]) -> {last_ms, paused 1 | 0 of each}
-- Writes down the schedules that are known. One that is new begins at from_ms: what lies before is not made up for.
-- With anew, what is declared replaces what was, and one whose times are others now begins a minute ago. A schedule
-- that nobody declared for 30 days is forgotten.
local GRACE, FORGOTTEN = 60000, 30 * 86400000
local found = {}
for i = 2, #ARGV, 4 do
  local name, from = ARGV[i], tonumber(ARGV[i + 3])
  local key = P .. 'schedule:' .. name
  local s = redis.call('HMGET', key, 'last_ms', 'times', 'paused_ms')
  local last = tonumber(s[1])
  if not last then
    last = from
    redis.call('HSET', key, 'last_ms', from, 'since_ms', from)
  elseif ARGV[1] == '1' and s[2] ~= ARGV[i + 2] then
    last = math.max(last, from - GRACE)
    redis.call('HSET', key, 'last_ms', string.format('%.0f', last))
  end
  if ARGV[1] == '1' or not s[2] then
    redis.call('HSET', key, 'declared', ARGV[i + 1], 'times', ARGV[i + 2])
    redis.call('ZADD', P .. 'schedules', NOW, name)
  end
  found[#found + 1] = last
  found[#found + 1] = s[3] and 1 or 0
end
if ARGV[1] == '1' then
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', P .. 'schedules', '-inf', NOW - FORGOTTEN, 'LIMIT', 0, 10)) do
    local key = P .. 'schedule:' .. name
    redis.call('DEL', key, key .. ':ticks', key .. ':runs', key .. ':log')
    redis.call('ZREM', P .. 'schedules', name)
  end
end
return found
