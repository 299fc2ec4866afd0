-- Limits and budgets: what is in force, who holds what, and how long until more may be taken.
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

-- Every policy of a kind that counts a call made at these places (group, flow, actor, model, provider), by the name under
-- which it counts it.
local listed = {}
local function counting(kind, places)
  if not listed[kind] then
    local names, seen = {}, {}
    for _, field in ipairs(redis.call('HKEYS', P .. kind)) do
      local name = string.match(field, '^%a+:([^=]*)')
      local c = not seen[name] and config(kind, name)
      seen[name] = true
      if c and (kind ~= 'limits' or c.on == 'call') then names[#names + 1] = name end
    end
    listed[kind] = names
  end
  local found = {}
  for _, name in ipairs(listed[kind]) do
    local by = config(kind, name).by
    local value = by ~= '' and places[by]
    if by == '' then
      found[#found + 1] = name
    elseif value and not (by == 'flow' and value == '') then
      found[#found + 1] = name .. '=' .. value
    end
  end
  return found
end

-- What calls like this one took so far; at most, or if nothing is known, what it may take.
local function expected_tokens(places, most)
  return math.min(most, tonumber(redis.call('HGET', P .. 'usage', places.actor .. '|' .. places.model) or most))
end

-- ms until the limits of calls, all of these, let one of so many tokens through, and the gate that takes longest.
local function calls_wait(limits, tokens)
  local longest, gate = 0, nil
  for _, name in ipairs(limits) do
    local c, wait = config('limits', name), 0
    if c.rate then wait = rate_wait(P .. 'rate:' .. name, c.rate, c.per_ms, c.burst, 1) end
    if c.tokens then
      wait = math.max(wait, (rate_wait(P .. 'tokens:' .. name, c.tokens, c.per_ms, c.token_burst, tokens, true)))
    end
    if c.concurrency and in_use(P .. 'permits:' .. name, c.concurrency) >= c.concurrency then wait = math.max(wait, 250) end
    if wait > longest then longest, gate = wait, 'l:' .. name end
  end
  return longest, gate
end
