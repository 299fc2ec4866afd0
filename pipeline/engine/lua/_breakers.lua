-- Breakers of integrations, models and providers: whom they let through, and what they hear.
local function breaker_fields(name, holder)
  return redis.call('HMGET', P .. 'breaker:' .. name, 'state', 'until_ms', 'holder', 'limited_ms', 'since_ms',
    'let:' .. (holder or ''))
end

-- Calls a second while recovering: ten at first, then twice as many every fifth of the ramp.
local function ramp_rate(since, ramp) return 10 * 2 ^ math.floor((NOW - since) * 5 / ramp) end

-- ms until a breaker lets `holder` through, and what passing means: nil, 'probe', 'ramp', or 'let' if it was let in when
-- it started and makes its first call.
local function breaker_wait(name, holder)
  local b = breaker_fields(name, holder)
  local limited = tonumber(b[4] or 0)
  if limited > NOW then return limited - NOW end
  if b[1] == 'open' then
    local left = tonumber(b[2]) - NOW
    if left > 0 then return left end
    return 0, 'probe'
  elseif b[1] == 'half' then
    if b[3] == holder then return 0 end
    if living(b[3]) then return 1000 end
    return 0, 'probe'
  elseif b[1] == 'recovering' then
    local c = config('breakers', name)
    local since = tonumber(b[5])
    if not c or NOW - since >= c.ramp_ms then return 0 end
    if b[6] then return 0, 'let' end
    local rate = ramp_rate(since, c.ramp_ms)
    return rate_wait(P .. 'rate:~' .. name, rate, 1000, 1, 1), 'ramp'
  end
  return 0
end

-- Breakers of which something is known, by the time it is forgotten: for those who list them.
local function remember(name, ms)
  redis.call('ZADD', P .. 'breaker_names', 'GT', NOW + math.max(86400000, ms or 0), name)
end

local function breaker_take(name, holder, how, starts)
  local key = P .. 'breaker:' .. name
  if how == 'probe' then
    redis.call('HSET', key, 'state', 'half', 'holder', holder)
  elseif how == 'ramp' then
    local c = config('breakers', name)
    rate_take(P .. 'rate:~' .. name, ramp_rate(tonumber(breaker_fields(name)[5]), c.ramp_ms), 1000, 1, 1)
    if starts then redis.call('HSET', key, 'let:' .. holder, NOW) end
  elseif how == 'let' and not starts then
    redis.call('HDEL', key, 'let:' .. holder)
  end
end

-- A model is behind its own breaker and its provider's (`openai` of `openai:gpt-4o`; the address of a server).
local function provider_of(model)
  return string.match(model, '^(%a+:?//[^#]*)#') or string.match(model, '^([^:]+):') or model
end

-- ms until a model may be asked, the breaker to wait for, and what passing either of them means. One of a `chain` is
-- passed over while the key or the account of its provider fails; one that stands alone is asked, and says so at once.
local function model_wait(model, holder, chain)
  local wait, how = breaker_wait(model, holder)
  if wait > 0 then return wait, model end
  local above = provider_of(model)
  if chain then
    local broken = tonumber(redis.call('HGET', P .. 'breaker:' .. above, 'broken_ms') or 0)
    if broken > NOW then return broken - NOW, above end
  end
  local longer, so = 0, nil
  if above ~= model then longer, so = breaker_wait(above, holder) end
  return longer, longer > 0 and above or model, how, so
end

local function model_take(model, holder, starts)
  local _, _, how, so = model_wait(model, holder)
  breaker_take(model, holder, how, starts)
  breaker_take(provider_of(model), holder, so, starts)
  return how == 'probe' or so == 'probe'
end

-- A gate may let somebody through: have it looked at, by a worker of the lane that is next.
local function reopen(gate)
  local first = redis.call('ZRANGE', P .. 'blocked:' .. gate, 0, 0)[1]
  if first then
    redis.call('ZADD', P .. 'gates', NOW, gate)
    wake(string.match(first, '^[^\n]*'))
  end
end

-- The same for a breaker: for who waits for it alone, and for every chain with a model behind it.
local function reopen_breaker(name)
  reopen('b:' .. name)
  for _, gate in ipairs(redis.call('SMEMBERS', P .. 'chains')) do
    for model in string.gmatch(string.sub(gate, 3), '[^|]+') do
      if model == name or provider_of(model) == name then reopen(gate) end
    end
  end
end

local function turn_breaker(name, fields, state, changed)
  redis.call('DEL', P .. 'breaker:' .. name)
  if fields then
    redis.call('HSET', P .. 'breaker:' .. name, 'state', state, 'since_ms', NOW, unpack(fields))
    redis.call('PEXPIRE', P .. 'breaker:' .. name, 86400000)
  end
  changed[#changed + 1], changed[#changed + 2] = name, state
  tally('breaker', name, state)
  reopen_breaker(name)
end

-- A breaker hears how a call of `run`, or itself, went: ok, fail, none, limited (for ms) or broken (for ms). What turns
-- is added to `changed`, its name and its new state.
local function heard(name, run, what, ms, seconds, reason, changed)
  local c = config('breakers', name)
  if not c then return end
  remember(name, ms)
  local b = breaker_fields(name)
  if what == 'ok' and seconds * 1000 > c.slow_ms then what, reason = 'fail', 'slow' end
  if what == 'ok' then redis.call('HDEL', P .. 'breaker:' .. name, 'broken_ms') end
  if what == 'broken' then
    redis.call('HSET', P .. 'breaker:' .. name, 'broken_ms', NOW + ms, 'reason', reason)
    redis.call('PEXPIRE', P .. 'breaker:' .. name, math.max(86400000, ms))
    changed[#changed + 1], changed[#changed + 2] = name, what
  elseif what == 'limited' then
    redis.call('HSET', P .. 'breaker:' .. name, 'limited_ms', NOW + ms)
    redis.call('PEXPIRE', P .. 'breaker:' .. name, math.max(86400000, ms))
  elseif b[1] == 'half' and b[3] == run then
    if what == 'ok' then
      turn_breaker(name, { 'reason', 'probe succeeded' }, 'recovering', changed)
    elseif what == 'none' then
      redis.call('HSET', P .. 'breaker:' .. name, 'state', 'open', 'until_ms', NOW)
    else
      turn_breaker(name, { 'until_ms', NOW + c.open_ms, 'reason', reason }, 'open', changed)
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
      turn_breaker(name, { 'until_ms', NOW + c.open_ms, 'reason', reason }, 'open', changed)
    elseif b[1] == 'recovering' and NOW - tonumber(b[5]) >= c.ramp_ms then
      turn_breaker(name, nil, 'closed', changed)
    end
  end
end
