-- What stands before a run or a call: limits, breakers, pauses. A run names its gates in its record, separated by
-- spaces: l:<limit>[=<key>], b:<breaker>, c:<model>|<model> (a chain: one of them must be free). What a gate refuses waits
-- as a lane (a group's line in a queue) at that gate, in order of turns; `gates` says when to look at which gate again.
local configs = {}

-- The setting in force: set by hand for this very key, set by hand, or declared by the code.
local function config(kind, name)
  local found = configs[kind .. name]
  if found == nil then
    local plain = string.match(name, '^([^=]*)=') or name
    local c = redis.call('HMGET', P .. kind, 'set:' .. name, 'set:' .. plain, 'declared:' .. plain, 'declared:*')
    local text = c[1] or c[2] or c[3] or (kind == 'breakers' and c[4])
    found = text and cjson.decode(text) or false
    configs[kind .. name] = found
  end
  return found
end

-- Whoever holds a permit, a probe or a reservation is `<run>`, or `<run>|<fence>|<call>`: it lives as long as the run's
-- lease, and a call no longer than the lease that it was made under.
local fresh = {}
local function living(holder)
  local run, fence = string.match(holder, '^([^|]+)|?([^|]*)')
  if not fresh[run] then
    local ends = redis.call('ZSCORE', P .. 'leases', run)
    if not ends or tonumber(ends) <= NOW then return false end
  end
  return fence == '' or redis.call('HGET', P .. 'run:' .. run, 'fence') == fence
end

-- GCRA: when the next permit would be due. Unless more than a burst may be owed, it is no further off than the present
-- rate puts it: what was taken at a slower one counts as if it had been taken at this.
local function arrival(key, most)
  local tat = math.max(tonumber(redis.call('GET', key) or 0), NOW)
  if most and tat > NOW + most + 0.01 then
    tat = NOW + most
    redis.call('SET', key, string.format('%.3f', tat), 'PX', math.ceil(most))
  end
  return tat
end

-- ms until `cost` may be taken, and the time between two permits.
local function rate_wait(key, rate, per_ms, burst, cost, owes)
  local step = per_ms / rate
  local tat = arrival(key, not owes and burst * step)
  return math.max(0, tat + (math.min(cost, burst) - burst) * step - NOW), step
end

local function rate_take(key, rate, per_ms, burst, cost, owes)
  local step = per_ms / rate
  local tat = arrival(key, not owes and burst * step) + cost * step
  redis.call('SET', key, string.format('%.3f', tat), 'PX', math.max(1, math.ceil(tat - NOW)))
end

-- Takes back what the dead have reserved of a budget; `held` are those to look at, each a holder and an amount.
local function release_dead(budget, held)
  for j = 1, #held, 2 do
    if not living(held[j]) then
      local micros, tokens = string.match(held[j + 1], '(%d+):(%d+)')
      redis.call('HDEL', budget .. ':held', held[j])
      redis.call('HINCRBY', budget, 'held_micros', -micros)
      redis.call('HINCRBY', budget, 'held_tokens', -tokens)
    end
  end
end

-- Permits in use; those of the dead are taken back when there are none left.
local function in_use(key, most)
  local count = redis.call('ZCARD', key)
  if count >= most then
    for _, holder in ipairs(redis.call('ZRANGE', key, 0, 999)) do
      if not living(holder) then count = count - redis.call('ZREM', key, holder) end
    end
  end
  return count
end

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

-- The gate that does not let a run start, and when to ask it again; nil if all do.
local function refusal(gates, id)
  for token in string.gmatch(gates, '%S+') do
    local kind, name = string.sub(token, 1, 1), string.sub(token, 3)
    if kind == 'l' then
      local c = config('limits', name)
      if not c then return token, NOW + 1000 end -- nobody says what the limit is: nothing passes
      if c.rate then
        local wait = rate_wait(P .. 'rate:' .. name, c.rate, c.per_ms, c.burst, 1)
        if wait > 0 then return token, NOW + wait end
      end
      if c.concurrency and in_use(P .. 'permits:' .. name, c.concurrency) >= c.concurrency then
        return token, NOW + 2000
      end
    elseif kind == 'b' then
      local wait = breaker_wait(name, id)
      if wait > 0 then return token, NOW + wait end
    else
      local best, where = nil, nil
      for model in string.gmatch(name, '[^|]+') do
        local wait, breaker = model_wait(model, id, string.find(name, '|', 1, true))
        if not best or wait < best then best, where = wait, breaker end
      end
      if best and best > 0 then return 'b:' .. where, NOW + best end
    end
  end
end

-- Takes what a run needs of all its gates, which let it through. They are shut no more, unless it only probes.
local function pass(gates, id)
  for token in string.gmatch(gates, '%S+') do
    local kind, name = string.sub(token, 1, 1), string.sub(token, 3)
    local open, probes = { token }, false
    if kind == 'l' then
      local c = config('limits', name)
      if c.rate then rate_take(P .. 'rate:' .. name, c.rate, c.per_ms, c.burst, 1) end
      if c.concurrency then redis.call('ZADD', P .. 'permits:' .. name, NOW, id) end
    elseif kind == 'b' then
      local _, how = breaker_wait(name, id)
      breaker_take(name, id, how, true)
      probes = how == 'probe'
    else
      for model in string.gmatch(name, '[^|]+') do
        if model_wait(model, id, string.find(name, '|', 1, true)) == 0 then
          probes = model_take(model, id, true)
          open = { 'b:' .. model, 'b:' .. provider_of(model) }
          break
        end
      end
    end
    if not probes then redis.call('HDEL', P .. 'shut', unpack(open)) end
  end
end

-- A gate may let somebody through: have it looked at, by a worker of the lane that is next.
local function reopen(gate)
  local first = redis.call('ZRANGE', P .. 'blocked:' .. gate, 0, 0)[1]
  if first then
    redis.call('ZADD', P .. 'gates', NOW, gate)
    wake(string.match(first, '^[^\n]*'))
  end
end

local function turn_breaker(name, fields, state, changed)
  redis.call('DEL', P .. 'breaker:' .. name)
  if fields then
    redis.call('HSET', P .. 'breaker:' .. name, 'state', state, 'since_ms', NOW, unpack(fields))
    redis.call('PEXPIRE', P .. 'breaker:' .. name, 86400000)
  end
  changed[#changed + 1], changed[#changed + 2] = name, state
  reopen('b:' .. name)
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

-- Gives back the permits of a run that is not running any more.
local function give_back(gates, id)
  for token in string.gmatch(gates, '%S+') do
    if string.sub(token, 1, 1) == 'l' and redis.call('ZREM', P .. 'permits:' .. string.sub(token, 3), id) == 1 then
      reopen(token)
    end
  end
end

-- Puts a lane behind a gate, to be looked at again at a time; and when its first run has waited long enough.
local function block(gate, at, queue, member, turn, worn)
  local lane = queue .. '\n' .. member
  redis.call('ZREM', P .. 'ready:' .. queue, member)
  redis.call('ZADD', P .. 'blocked:' .. gate, turn, lane)
  redis.call('HSET', P .. 'held', lane, gate)
  redis.call('HSETNX', P .. 'shut', gate, NOW)
  if worn then redis.call('ZADD', P .. 'patience', worn, lane) end
  redis.call('ZADD', P .. 'gates', 'LT', math.ceil(at), gate)
end

-- How many lanes a gate lets through now, and when to look at it again if more wait.
local function room(gate)
  local kind, name = string.sub(gate, 1, 1), string.sub(gate, 3)
  if kind == 'p' then
    if redis.call('HEXISTS', P .. 'paused', 'group:' .. name) == 1 then return 0, NOW + 3600000 end
    return 100, NOW
  elseif kind == 'b' then
    local wait, how = breaker_wait(name, '')
    if wait > 0 then return 0, NOW + wait end
    if how == 'probe' then return 1, NOW + 1000 end
    if how == 'ramp' then return 1, NOW + 100 end
    return 100, NOW
  end
  local c = config('limits', name)
  if not c then return 0, NOW + 1000 end
  local several, again = 100, NOW + 2000
  if c.rate then
    local wait, step = rate_wait(P .. 'rate:' .. name, c.rate, c.per_ms, c.burst, 1)
    if wait > 0 then return 0, NOW + wait end
    local tat = math.max(tonumber(redis.call('GET', P .. 'rate:' .. name) or 0), NOW)
    several = math.min(several, 1 + math.floor((NOW - tat) / step + c.burst - 1))
    again = NOW + step
  end
  if c.concurrency then
    several = math.min(several, c.concurrency - in_use(P .. 'permits:' .. name, c.concurrency))
  end
  return several, again
end

-- Puts a lane that waits at a gate back in its queue; false if nothing is left in it.
local function unblock(gate, lane)
  local turn = tonumber(redis.call('ZSCORE', P .. 'blocked:' .. gate, lane) or 0)
  redis.call('ZREM', P .. 'blocked:' .. gate, lane)
  redis.call('ZREM', P .. 'patience', lane)
  redis.call('HDEL', P .. 'held', lane)
  local queue, member = string.match(lane, '^([^\n]*)\n(.*)$')
  if redis.call('EXISTS', P .. 'ready:' .. queue .. ':' .. member) == 0 then return false end
  -- What it missed while it was held up it does not catch up on: the others would wait for it.
  local tier = string.match(member, '^%d+')
  local clock = tonumber(redis.call('HGET', P .. 'clock:' .. queue, tier) or 0)
  redis.call('ZADD', P .. 'ready:' .. queue, 'NX', math.max(turn, tier * TIER + clock), member)
  wake(queue)
  return true
end

-- Lanes whose gates let somebody through go back to their queues, and lanes whose first run has waited long enough;
-- bounded, the rest follows with the next call.
local function open_gates()
  for _, gate in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gates', '-inf', NOW, 'LIMIT', 0, 20)) do
    local key = P .. 'blocked:' .. gate
    local several, again = room(gate)
    local waiting = false
    if several > 0 then
      for _, lane in ipairs(redis.call('ZRANGE', key, 0, several - 1)) do
        waiting = unblock(gate, lane) or waiting
      end
    end
    if redis.call('EXISTS', key) == 1 then
      redis.call('ZADD', P .. 'gates', math.ceil(math.max(again, NOW + 1)), gate)
    else
      redis.call('ZREM', P .. 'gates', gate)
      if not waiting then redis.call('HDEL', P .. 'shut', gate) end
    end
  end
  for _, lane in ipairs(redis.call('ZRANGEBYSCORE', P .. 'patience', '-inf', NOW, 'LIMIT', 0, 20)) do
    unblock(redis.call('HGET', P .. 'held', lane) or '', lane)
  end
end
