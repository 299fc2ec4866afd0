-- export_figures(KEYS = [prefix], ARGV = [who exports or '' to look only, lease_ms or 0 to give it up, most]) -> {1 exports | 0 another does, now_ms, then {figure, label ..., value as text} ...}
-- needs _gates
-- One of those who are scraped exports what Redis knows, for as long as its lease lasts. Of each index at most `most`
-- members are looked at: beyond that the whole is known, and how it is shared out is told from a sample.
local who, lease, MOST = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local out = { 1, NOW }
if who ~= '' then
  local e = redis.call('HMGET', P .. 'exporter', 'holder', 'until')
  local ends = tonumber(e[2] or 0)
  -- One that ends later than any can was written before the clock of Redis was set back.
  if e[1] and e[1] ~= who and ends > NOW and ends < NOW + 600000 then return { 0, NOW } end
  if lease <= 0 then
    redis.call('HDEL', P .. 'exporter', 'holder', 'until')
    return { 0, NOW }
  end
  redis.call('HSET', P .. 'exporter', 'holder', who, 'until', NOW + lease)
end

local function row(...)
  local told = { ... }
  local value = tonumber(told[#told]) or 0
  told[#told] = string.format(value == math.floor(value) and '%.0f' or '%.6f', value)
  out[#out + 1] = told
end

local STATES = { 'queued', 'held', 'delayed', 'retrying', 'snoozed', 'running', 'waiting', 'review', 'parked' }
local counts, oldest, longest, order = {}, {}, {}, {}
local function known(queue)
  if not counts[queue] then
    counts[queue], oldest[queue], longest[queue] = {}, 0, 0
    order[#order + 1] = queue
  end
  return counts[queue]
end
local function add(queue, state, number)
  local c = known(queue)
  c[state] = (c[state] or 0) + number
end

-- Workers that were heard of, and what they serve.
local workers, room, longest_limit = {}, {}, {}
local all = redis.call('HGETALL', P .. 'serving')
for i = 1, math.min(#all, 2 * MOST), 2 do
  if tonumber(redis.call('ZSCORE', P .. 'workers', all[i]) or 0) > NOW - 15000 then
    for queue, served in pairs(cjson.decode(all[i + 1]).queues or {}) do
      known(queue)
      workers[queue] = (workers[queue] or 0) + 1
      room[queue] = (room[queue] or 0) + served.slots
      longest_limit[queue] = math.max(longest_limit[queue] or 0, served.limit)
    end
  end
end
for i, queue in ipairs(redis.call('SMEMBERS', P .. 'queues')) do
  if i <= 200 then known(queue) end
end
for _, name in ipairs(redis.call('ZRANGE', P .. 'served', 0, -1)) do
  local kind, plain = string.match(name, '^(%a+) (.*)$')
  if kind then out[#out + 1] = { 'name', kind, plain } end
  if kind == 'queue' then known(plain) end
end

-- What stands in line. Of many lanes some are looked at; the oldest run that was found is remembered until it starts, so
-- that with every call it is more surely the oldest there is.
local share = math.max(20, math.floor(MOST / math.max(1, #order)))
for _, queue in ipairs(order) do
  local key = P .. 'ready:' .. queue
  local n = redis.call('ZCARD', key)
  local lanes = n <= share and redis.call('ZRANGE', key, 0, -1) or redis.call('ZRANDMEMBER', key, share)
  local sum, heads = 0, {}
  for i, member in ipairs(lanes) do
    local line = key .. ':' .. member
    sum = sum + redis.call('ZCARD', line)
    heads[i] = redis.call('ZRANGE', line, 0, 0)[1]
  end
  local before = n > share and redis.call('HGET', P .. 'exporter', 'oldest:' .. queue)
  if before then heads[#heads + 1] = before end
  local eldest = nil
  for _, id in ipairs(heads) do
    local r = redis.call('HMGET', P .. 'run:' .. id, 'queued_ms', 'due_ms', 'state')
    local age = r[3] == 'queued' and NOW - might_start(r[1], r[2]) or -1
    if age >= oldest[queue] then oldest[queue], eldest = age, id end
  end
  if who ~= '' and n > share and eldest then
    redis.call('HSET', P .. 'exporter', 'oldest:' .. queue, eldest)
  elseif who ~= '' and n <= share then
    redis.call('HDEL', P .. 'exporter', 'oldest:' .. queue)
  end
  add(queue, 'queued', #lanes > 0 and sum * n / #lanes or 0)
end

-- What a gate holds up.
local n = redis.call('HLEN', P .. 'held')
local held = n <= MOST and redis.call('HKEYS', P .. 'held') or redis.call('HRANDFIELD', P .. 'held', MOST)
for _, lane in ipairs(held) do
  local queue, member = string.match(lane, '^([^\n]*)\n(.*)$')
  add(queue, 'held', redis.call('ZCARD', P .. 'ready:' .. queue .. ':' .. member) * n / #held)
end

-- Runs of an index, or a sample of them, each with some fields of its record; and for how many each of them stands.
local function sample(index, ...)
  local total = redis.call('ZCARD', P .. index)
  local ids = total <= MOST and redis.call('ZRANGE', P .. index, 0, -1) or redis.call('ZRANDMEMBER', P .. index, MOST)
  local found = {}
  for i, id in ipairs(ids) do found[i] = redis.call('HMGET', P .. 'run:' .. id, ...) end
  return found, #ids > 0 and total / #ids or 0
end

local runs, each = sample('leases', 'queue', 'started_ms')
for _, r in ipairs(runs) do
  if r[1] then
    add(r[1], 'running', each)
    longest[r[1]] = math.max(longest[r[1]], NOW - (tonumber(r[2]) or NOW))
  end
end
runs, each = sample('delayed', 'queue', 'state')
for _, r in ipairs(runs) do
  if r[1] then add(r[1], (r[2] == 'retrying' or r[2] == 'snoozed') and r[2] or 'delayed', each) end
end
for _, state in ipairs({ 'waiting', 'review' }) do
  runs, each = sample(state, 'queue')
  for _, r in ipairs(runs) do
    if r[1] then add(r[1], state, each) end
  end
end
for i, actor in ipairs(redis.call('SMEMBERS', P .. 'parked')) do
  if i > 100 then break end
  local first = redis.call('ZRANGE', P .. 'parked:' .. actor, 0, 0)[1]
  local queue = first and redis.call('HGET', P .. 'run:' .. first, 'queue')
  if queue then add(queue, 'parked', redis.call('ZCARD', P .. 'parked:' .. actor)) end
end
-- What is due and was not put in line yet: with no worker at all nobody does that.
local due = redis.call('ZRANGEBYSCORE', P .. 'delayed', '-inf', NOW, 'WITHSCORES', 'LIMIT', 0, 200)
for i = 1, #due, 2 do
  local queue = redis.call('HGET', P .. 'run:' .. due[i], 'queue')
  if queue then
    known(queue)
    oldest[queue] = math.max(oldest[queue], NOW - due[i + 1])
  end
end

for i, queue in ipairs(order) do
  if i > 200 then break end
  for _, state in ipairs(STATES) do row('queue_runs', queue, state, math.floor((counts[queue][state] or 0) + 0.5)) end
  row('queue_oldest_due_age_seconds', queue, math.max(0, oldest[queue]) / 1000)
  row('queue_max_attempt_age_seconds', queue, longest[queue] / 1000)
  row('queue_paused', queue, redis.call('HEXISTS', P .. 'paused', 'queue:' .. queue))
  row('queue_workers', queue, workers[queue] or 0)
  row('queue_concurrency_limit', queue, room[queue] or 0)
  if longest_limit[queue] then row('queue_time_limit_seconds', queue, longest_limit[queue]) end
  out[#out + 1] = { 'name', 'queue', queue }
end

local sweep = redis.call('HGET', P .. 'sweep', 'last')
if sweep then row('reconciler_last_success_timestamp_seconds', sweep / 1000) end

-- Dead runs, the newest of them looked at.
local total = redis.call('ZCARD', P .. 'finished:dead')
local dead, why = redis.call('ZRANGE', P .. 'finished:dead', 0, MOST - 1, 'REV'), {}
for _, id in ipairs(dead) do
  local r = redis.call('HMGET', P .. 'run:' .. id, 'actor', 'reason')
  if r[1] then
    local field = r[1] .. '\31' .. string.match(r[2] or '', '^[^:]*')
    why[field] = (why[field] or 0) + total / #dead
  end
end
for field, number in pairs(why) do
  local actor, reason = string.match(field, '^([^\31]*)\31(.*)$')
  row('dead_runs', actor, reason, math.floor(number + 0.5))
end

-- Breakers that are declared, or of which something is known.
local seen = {}
local function breaker(name)
  if name == '*' or seen[name] then return end
  seen[name] = true
  local b = redis.call('HMGET', P .. 'breaker:' .. name, 'state', 'limited_ms', 'broken_ms', 'since_ms')
  local state, c = 0, config('breakers', name)
  if b[1] == 'half' or (b[1] == 'recovering' and not (c and NOW - b[4] >= c.ramp_ms)) or tonumber(b[2] or 0) > NOW then state = 1 end
  if b[1] == 'open' or tonumber(b[3] or 0) > NOW then state = 2 end
  row('breaker_state', name, state)
end
for i, field in ipairs(redis.call('HKEYS', P .. 'breakers')) do
  if i <= 200 then breaker(string.match(field, '^%a+:([^=]*)')) end
end
for _, name in ipairs(redis.call('ZRANGE', P .. 'breaker_names', 0, 199)) do breaker(name) end

-- Budgets, the shortest of those that are kept for each of several.
local function left(name, c)
  local window = c.per_ms > 0 and math.floor(NOW / c.per_ms) or 0
  local key = P .. 'budget:' .. name .. ':' .. string.format('%.0f', window)
  local b = redis.call('HMGET', key, 'micros', 'tokens', 'held_micros', 'held_tokens')
  for j = 1, 4 do b[j] = tonumber(b[j] or 0) end
  local ratio = 1
  if c.micros then ratio = math.min(ratio, c.micros > 0 and 1 - (b[1] + b[3]) / c.micros or 0) end
  if c.tokens then ratio = math.min(ratio, c.tokens > 0 and 1 - (b[2] + b[4]) / c.tokens or 0) end
  return math.max(0, ratio)
end
seen = {}
for i, field in ipairs(redis.call('HKEYS', P .. 'budgets')) do
  local name = string.match(field, '^%a+:([^=]*)')
  local c = config('budgets', name)
  if c and not seen[name] and i <= 200 then
    seen[name] = true
    local ratio = 1
    if c.by == '' then
      ratio = left(name, c)
    else
      local window = string.format('%.0f', c.per_ms > 0 and math.floor(NOW / c.per_ms) or 0)
      for _, one in ipairs(redis.call('ZREVRANGE', P .. 'budget:' .. name .. ':' .. window .. ':keys', 0, 199)) do
        ratio = math.min(ratio, left(one, config('budgets', one) or c))
      end
    end
    row('llm_budget_remaining_ratio', name, ratio)
  end
end

-- Schedules; when a run of one completed last is kept here, for the run itself is removed one day.
for _, name in ipairs(redis.call('ZRANGE', P .. 'schedules', 0, 199)) do
  local key = P .. 'schedule:' .. name
  local s = redis.call('HMGET', key, 'declared', 'times', 'last_ms', 'paused_ms', 'succeeded_ms')
  for _, entry in ipairs(redis.call('LRANGE', key .. ':log', 0, 9)) do
    local run = cjson.decode(entry).run
    local r = run and redis.call('HMGET', P .. 'run:' .. run, 'state', 'finished_ms') or {}
    if r[1] == 'completed' and r[2] then
      if tonumber(r[2]) > tonumber(s[5] or 0) then
        s[5] = r[2]
        redis.call('HSET', key, 'succeeded_ms', r[2])
      end
      break
    end
  end
  row('schedule_paused', name, s[4] and 1 or 0)
  row('schedule_last_success_timestamp_seconds', name, (s[5] or 0) / 1000)
  out[#out + 1] = { 'schedule', name, s[1] or '', s[2] or '', s[3] or '' }
end

-- What happened in Redis and in no worker's commit.
all = redis.call('HGETALL', P .. 'tally')
for i = 1, #all, 2 do out[#out + 1] = { 'tally', all[i], all[i + 1] } end

local told = redis.call('INFO', 'memory')
local used, most = string.match(told, 'used_memory:(%d+)'), tonumber(string.match(told, 'maxmemory:(%d+)'))
local whole = most > 0 and most or tonumber(string.match(told, 'total_system_memory:(%d+)') or 0)
row('redis_memory_used_bytes', used)
if whole > 0 then row('redis_memory_used_ratio', used / whole) end
row('redis_noeviction', string.match(told, 'maxmemory_policy:(%S+)') == 'noeviction' and 1 or 0)
row('redis_aof_enabled', string.match(redis.call('INFO', 'persistence'), 'aof_enabled:(%d)') or 0)
return out
