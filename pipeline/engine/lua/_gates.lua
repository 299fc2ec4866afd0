-- What stands before a run or a call: limits, breakers, pauses. A run names its gates in its record, separated by
-- spaces: l:<limit>[=<key>], b:<breaker>, c:<model>|<model> (a chain: one of them must be free). What a gate refuses waits
-- as a lane (a group's line in a queue) at that gate, in order of turns; `gates` says when to look at which gate again.

-- The gate that does not let a run start, and when to ask it again; nil if all do. A chain needs a model that is there,
-- and that the limits of calls leave something of: who starts without waits with a worker's thread.
local function refusal(gates, id, group, actor)
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
        local wait, gate = model_wait(model, id, string.find(name, '|', 1, true)), token
        if wait == 0 then
          local places = { group = group, flow = '', actor = actor, model = model, provider = provider_of(model) }
          local limits = counting('limits', places)
          if #limits > 0 then wait, gate = calls_wait(limits, expected_tokens(places, 1000000000)) end
        end
        if not best or wait < best then best, where = wait, gate end
      end
      if best and best > 0 then return where, NOW + best end
    end
  end
end

-- Takes what a run needs of all its gates, which let it through. They are shut no more, unless it only probes.
local function pass(gates, id)
  for token in string.gmatch(gates, '%S+') do
    local kind, name = string.sub(token, 1, 1), string.sub(token, 3)
    local probes = false
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
          break
        end
      end
    end
    if not probes then redis.call('HDEL', P .. 'shut', token) end
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
  if string.sub(gate, 1, 2) == 'l:' then tally('rejected', string.match(gate, '^l:([^=]*)')) end
  redis.call('ZREM', P .. 'ready:' .. queue, member)
  redis.call('ZADD', P .. 'blocked:' .. gate, turn, lane)
  redis.call('HSET', P .. 'held', lane, gate)
  redis.call('HSETNX', P .. 'shut', gate, NOW)
  if string.sub(gate, 1, 1) == 'c' then redis.call('SADD', P .. 'chains', gate) end
  if worn then redis.call('ZADD', P .. 'patience', worn, lane) end
  redis.call('ZADD', P .. 'gates', 'LT', math.ceil(at), gate)
end

-- How many lanes a gate lets through now, and when to look at it again if more wait.
local function room(gate)
  local kind, name = string.sub(gate, 1, 1), string.sub(gate, 3)
  if kind == 'p' then
    if redis.call('HEXISTS', P .. 'paused', 'group:' .. name) == 1 then return 0, NOW + 3600000 end
    return 100, NOW
  elseif kind ~= 'l' then
    local most, soonest = 0, nil
    for one in string.gmatch(name, '[^|]+') do
      local wait, where, how, so = nil, nil, nil, nil
      if kind == 'b' then
        wait, how = breaker_wait(one, '')
      else
        wait, where, how, so = model_wait(one, '', string.find(name, '|', 1, true))
      end
      if wait == 0 then
        local few = how or so -- one at a time, and looked for again soon
        most = math.max(most, few and 1 or 100)
        wait = few and ((how == 'probe' or so == 'probe') and 1000 or 100) or 0
      end
      soonest = math.min(soonest or wait, wait)
    end
    return most, NOW + soonest
  end
  local c = config('limits', name)
  if not c then return 0, NOW + 1000 end
  -- Who is let through here may be held up at another gate, and leave room for the next.
  local several, again = 100, NOW + (c.on == 'call' and 250 or 1)
  if c.rate then
    local wait, step = rate_wait(P .. 'rate:' .. name, c.rate, c.per_ms, c.burst, 1)
    if wait > 0 then return 0, NOW + wait end
    local tat = math.max(tonumber(redis.call('GET', P .. 'rate:' .. name) or 0), NOW)
    several = math.min(several, 1 + math.floor((NOW - tat) / step + c.burst - 1))
  end
  if c.tokens then
    local wait = rate_wait(P .. 'tokens:' .. name, c.tokens, c.per_ms, c.token_burst, 1, true)
    if wait > 0 then return 0, NOW + wait end
  end
  if c.concurrency then
    several = math.min(several, c.concurrency - in_use(P .. 'permits:' .. name, c.concurrency))
    if several <= 0 then again = NOW + 2000 end
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
      redis.call('SREM', P .. 'chains', gate)
      if not waiting then redis.call('HDEL', P .. 'shut', gate) end
    end
  end
  for _, lane in ipairs(redis.call('ZRANGEBYSCORE', P .. 'patience', '-inf', NOW, 'LIMIT', 0, 20)) do
    unblock(redis.call('HGET', P .. 'held', lane) or '', lane)
  end
end
