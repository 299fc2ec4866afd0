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

-- Whoever holds a permit, a probe or a reservation is `<run>` or `<run>|<call>`, and lives as long as the run's lease.
local fresh = {}
local function living(holder)
  local run = string.match(holder, '^[^|]+')
  if fresh[run] then return true end
  local ends = redis.call('ZSCORE', P .. 'leases', run)
  return ends and tonumber(ends) > NOW
end

-- GCRA: ms until `cost` may be taken, and the time between two permits.
local function rate_wait(key, rate, per_ms, burst, cost)
  local step = per_ms / rate
  local tat = math.max(tonumber(redis.call('GET', key) or 0), NOW)
  return math.max(0, tat + (math.min(cost, burst) - burst) * step - NOW), step
end

local function rate_take(key, rate, per_ms, cost)
  local tat = math.max(tonumber(redis.call('GET', key) or 0), NOW) + cost * per_ms / rate
  redis.call('SET', key, string.format('%.3f', tat), 'PX', math.max(1, math.ceil(tat - NOW)))
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

local function breaker_fields(name)
  return redis.call('HMGET', P .. 'breaker:' .. name, 'state', 'until_ms', 'holder', 'limited_ms', 'since_ms')
end

-- Calls a second while recovering: ten at first, then twice as many every fifth of the ramp.
local function ramp_rate(since, ramp) return 10 * 2 ^ math.floor((NOW - since) * 5 / ramp) end

-- ms until a breaker lets `holder` through, and what passing means: nil, 'probe' or 'ramp'.
local function breaker_wait(name, holder)
  local b = breaker_fields(name)
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
    local rate = ramp_rate(since, c.ramp_ms)
    return rate_wait(P .. 'rate:~' .. name, rate, 1000, 1, 1), 'ramp'
  end
  return 0
end

-- Breakers of which something is known, by the time it is forgotten: for those who list them.
local function remember(name, ms)
  redis.call('ZADD', P .. 'breaker_names', 'GT', NOW + math.max(86400000, ms or 0), name)
end

local function breaker_take(name, holder, how)
  if how == 'probe' then
    redis.call('HSET', P .. 'breaker:' .. name, 'state', 'half', 'holder', holder)
  elseif how == 'ramp' then
    local c = config('breakers', name)
    rate_take(P .. 'rate:~' .. name, ramp_rate(tonumber(breaker_fields(name)[5]), c.ramp_ms), 1000, 1)
  end
end

-- A model is behind its own breaker and its provider's (`openai` of `openai:gpt-4o`; the address of a server).
local function provider_of(model)
  return string.match(model, '^(%a+:?//[^#]*)#') or string.match(model, '^([^:]+):') or model
end

local function model_wait(model, holder)
  local wait, how = breaker_wait(model, holder)
  if wait > 0 then return wait end
  local above, so = breaker_wait(provider_of(model), holder)
  return above, how, so
end

local function model_take(model, holder)
  local _, how, so = model_wait(model, holder)
  breaker_take(model, holder, how)
  breaker_take(provider_of(model), holder, so)
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
        local wait = model_wait(model, id)
        if not best or wait < best then best, where = wait, model end
      end
      if best and best > 0 then return 'b:' .. where, NOW + best end
    end
  end
end

-- Takes what a run needs of all its gates, which let it through.
local function pass(gates, id)
  for token in string.gmatch(gates, '%S+') do
    local kind, name = string.sub(token, 1, 1), string.sub(token, 3)
    if kind == 'l' then
      local c = config('limits', name)
      if c.rate then rate_take(P .. 'rate:' .. name, c.rate, c.per_ms, 1) end
      if c.concurrency then redis.call('ZADD', P .. 'permits:' .. name, NOW, id) end
    elseif kind == 'b' then
      local _, how = breaker_wait(name, id)
      breaker_take(name, id, how)
    else
      for model in string.gmatch(name, '[^|]+') do
        if model_wait(model, id) == 0 then
          model_take(model, id)
          break
        end
      end
    end
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

-- Gives back the permits of a run that is not running any more.
local function give_back(gates, id)
  for token in string.gmatch(gates, '%S+') do
    if string.sub(token, 1, 1) == 'l' and redis.call('ZREM', P .. 'permits:' .. string.sub(token, 3), id) == 1 then
      reopen(token)
    end
  end
end

-- Puts a lane behind a gate, to be looked at again at a time.
local function block(gate, at, queue, member, turn)
  local lane = queue .. '\n' .. member
  redis.call('ZREM', P .. 'ready:' .. queue, member)
  redis.call('ZADD', P .. 'blocked:' .. gate, turn, lane)
  redis.call('HSET', P .. 'held', lane, gate)
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

-- Lanes whose gates let somebody through go back to their queues; bounded, the rest follows with the next call.
local function open_gates()
  for _, gate in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gates', '-inf', NOW, 'LIMIT', 0, 20)) do
    local key = P .. 'blocked:' .. gate
    local several, again = room(gate)
    if several > 0 then
      for _, lane in ipairs(redis.call('ZRANGE', key, 0, several - 1)) do
        local turn = tonumber(redis.call('ZSCORE', key, lane))
        redis.call('ZREM', key, lane)
        redis.call('HDEL', P .. 'held', lane)
        local queue, member = string.match(lane, '^([^\n]*)\n(.*)$')
        if redis.call('EXISTS', P .. 'ready:' .. queue .. ':' .. member) == 1 then
          -- What it missed while it was held up it does not catch up on: the others would wait for it.
          local tier = string.match(member, '^%d+')
          local clock = tonumber(redis.call('HGET', P .. 'clock:' .. queue, tier) or 0)
          redis.call('ZADD', P .. 'ready:' .. queue, 'NX', math.max(turn, tier * TIER + clock), member)
          wake(queue)
        end
      end
    end
    if redis.call('EXISTS', key) == 1 then
      redis.call('ZADD', P .. 'gates', math.ceil(math.max(again, NOW + 1)), gate)
    else
      redis.call('ZREM', P .. 'gates', gate)
    end
  end
end
