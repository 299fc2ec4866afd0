-- settle(KEYS = [prefix], ARGV = [run, call, model, outcome, ms, seconds, estimated, tokens, micros, record, limits, limit ..., budget ...]) -> {1 settled | 0 settled before, then the breakers that opened or closed, each a name and its state}
-- needs _gates
-- Ends what reserve began: what was used is charged and the rest given back, and the breakers hear how the call went.
-- outcome: ok | fail | down (the provider is out of reach) | none (says nothing about health) | limited (for `ms`) |
-- broken (the key or the account: the whole provider is passed over for `ms`).
local run, call, model, outcome, ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if not redis.call('SET', P .. 'settled:' .. call, 1, 'NX', 'PX', 600000) then return { 0 } end
local holder = run .. '|' .. call
local out = { 1 }

local function change(name, fields, state)
  redis.call('DEL', P .. 'breaker:' .. name)
  if fields then
    redis.call('HSET', P .. 'breaker:' .. name, 'state', state, 'since_ms', NOW, unpack(fields))
    redis.call('PEXPIRE', P .. 'breaker:' .. name, 86400000)
  end
  out[#out + 1], out[#out + 2] = name, state
  reopen('b:' .. name)
end

local function note(name, what, reason)
  local c = config('breakers', name)
  if not c then return end
  remember(name, ms)
  local b = breaker_fields(name)
  if what == 'ok' and tonumber(ARGV[6]) * 1000 > c.slow_ms then what, reason = 'fail', 'slow' end
  if what == 'broken' then
    change(name, { 'until_ms', NOW + ms, 'reason', reason }, 'open')
  elseif what == 'limited' then
    redis.call('HSET', P .. 'breaker:' .. name, 'limited_ms', NOW + ms)
    redis.call('PEXPIRE', P .. 'breaker:' .. name, math.max(86400000, ms))
  elseif b[1] == 'half' and b[3] == run then
    if what == 'ok' then
      change(name, { 'reason', 'probe succeeded' }, 'recovering')
    elseif what == 'none' then
      redis.call('HSET', P .. 'breaker:' .. name, 'state', 'open', 'until_ms', NOW)
    else
      change(name, { 'until_ms', NOW + c.open_ms, 'reason', reason }, 'open')
    end
  elseif (what == 'ok' or what == 'fail') and b[1] ~= 'open' and b[1] ~= 'half' then
    -- Six slots of a sixth of the window each: <number>:<calls>:<failures>.
    local number = math.floor(NOW * 6 / c.window_ms)
    local key, calls, failures = P .. 'breaker:' .. name, 0, 0
    local slots = redis.call('HMGET', key, 's0', 's1', 's2', 's3', 's4', 's5')
    for j = 1, 6 do
      local n, t, f = string.match(slots[j] or '', '(%d+):(%d+):(%d+)')
      n, t, f = tonumber(n or 0), tonumber(t or 0), tonumber(f or 0)
      if j - 1 == number % 6 then
        if n ~= number then t, f = 0, 0 end
        t, f = t + 1, f + (what == 'fail' and 1 or 0)
        redis.call('HSET', key, 's' .. (j - 1), string.format('%.0f:%d:%d', number, t, f))
        n = number
      end
      if n > number - 6 then calls, failures = calls + t, failures + f end
    end
    redis.call('PEXPIRE', key, 86400000)
    if what == 'fail' and calls >= c.minimum and failures / calls >= c.failure_rate then
      change(name, { 'until_ms', NOW + c.open_ms, 'reason', reason }, 'open')
    elseif b[1] == 'recovering' and NOW - tonumber(b[5]) >= c.ramp_ms then
      change(name, nil, 'closed')
    end
  end
end

local above = provider_of(model)
local reason = cjson.decode(ARGV[10]).reason or ''
if outcome == 'broken' then
  note(above, 'broken', reason)
  note(model, 'none', reason)
elseif outcome == 'down' then
  note(model, 'fail', reason)
  if above ~= model then note(above, 'fail', reason) end
else
  note(model, outcome, reason)
  if above ~= model then note(above, outcome == 'ok' and 'ok' or 'none', reason) end
end

local tokens, micros = tonumber(ARGV[8]), ARGV[9]
local n = tonumber(ARGV[11])
for i = 12, 11 + n do
  local name = ARGV[i]
  redis.call('ZREM', P .. 'permits:' .. name, holder)
  local c = config('limits', name)
  if c and c.tokens then
    local key = P .. 'tokens:' .. name
    local tat = tonumber(redis.call('GET', key) or 0) + (tokens - tonumber(ARGV[7])) * c.per_ms / c.tokens
    if tat > NOW then redis.call('SET', key, string.format('%.3f', tat), 'PX', math.ceil(tat - NOW)) else redis.call('DEL', key) end
  end
end
for i = 12 + n, #ARGV do
  local key = P .. ARGV[i]
  local m, t = string.match(redis.call('HGET', key .. ':held', holder) or '', '(%d+):(%d+)')
  if m then
    redis.call('HDEL', key .. ':held', holder)
    redis.call('HINCRBY', key, 'held_micros', -m)
    redis.call('HINCRBY', key, 'held_tokens', -t)
  end
  redis.call('HINCRBY', key, 'micros', micros)
  redis.call('HINCRBY', key, 'tokens', ARGV[8])
end
local calls = P .. 'run:' .. run .. ':calls'
redis.call('RPUSH', calls, ARGV[10])
redis.call('LTRIM', calls, -500, -1)
return out
