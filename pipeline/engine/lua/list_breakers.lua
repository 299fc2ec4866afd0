-- list_breakers(KEYS = [prefix], ARGV = [name ...]) -> for each breaker {name, state, since_ms, until_ms, reason, holder, calls, failures, lanes that wait, whose setting}; numbers are -1 if there are none
-- needs _gates
-- Those that are named, or with none those that are declared or of which something is known.
redis.call('ZREMRANGEBYSCORE', P .. 'breaker_names', '-inf', NOW)
local names, seen = {}, {}
local function add(name)
  if not seen[name] and name ~= '*' then
    seen[name] = true
    names[#names + 1] = name
  end
end
for _, name in ipairs(ARGV) do add(name) end
if #ARGV == 0 then
  for _, field in ipairs(redis.call('HKEYS', P .. 'breakers')) do add(string.match(field, '^%a+:([^=]*)')) end
  for _, name in ipairs(redis.call('ZRANGE', P .. 'breaker_names', 0, 999)) do add(name) end
end
table.sort(names)
local out = {}
for _, name in ipairs(names) do
  local c = config('breakers', name)
  local key = P .. 'breaker:' .. name
  local b = redis.call('HMGET', key, 'state', 'since_ms', 'until_ms', 'reason', 'holder', 'limited_ms', 'broken_ms')
  local state, ends = b[1] or 'closed', tonumber(b[3] or -1)
  if state == 'recovering' and c and NOW - tonumber(b[2]) >= c.ramp_ms then state = 'closed' end
  if state == 'closed' then
    if tonumber(b[6] or 0) > NOW then state, ends = 'limited', tonumber(b[6]) end
    if tonumber(b[7] or 0) > NOW then state, ends = 'broken', tonumber(b[7]) end
  end
  local calls, failures = 0, 0
  if c then
    local number = math.floor(NOW * 6 / c.window_ms)
    for _, slot in ipairs(redis.call('HMGET', key, 's0', 's1', 's2', 's3', 's4', 's5')) do
      local n, t, f = string.match(slot or '', '(%d+):(%d+):(%d+)')
      if n and tonumber(n) > number - 6 then calls, failures = calls + t, failures + f end
    end
  end
  local whose = redis.call('HMGET', P .. 'breakers', 'set:' .. name, 'declared:' .. name)
  out[#out + 1] = { name, state, tonumber(b[2] or -1), ends, b[4] or '', b[5] or '', calls, failures,
    redis.call('ZCARD', P .. 'blocked:b:' .. name), (whose[1] and 'by hand') or (whose[2] and 'declared') or '*' }
end
return out
