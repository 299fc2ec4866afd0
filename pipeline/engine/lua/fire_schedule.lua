-- fire_schedule(KEYS = [prefix], ARGV = [name, how, from_ms, upto_ms, missed, n, then tick_ms and the run of each]) -> {outcome, last_ms, then 1 new | 0 there before | -1 not known any more, and the run's id, of each}
-- needs _accept
-- Records ticks and accepts their runs (_accept.lua), in one call. Each tick has one run, however often it is asked for.
-- how is clock: the cursor goes from from_ms to upto_ms, and the ticks between that have no run here were missed;
-- backfill: ticks of any time, the cursor stays; manual: a run now, of no tick.
-- The outcome is 1 done, 0 the cursor is elsewhere: another was first, 2 paused: passed over, -1 the schedule is unknown.
local MEMORY, LOG = 10000, 100
local name, how, from, upto = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local missed, n = tonumber(ARGV[5]), tonumber(ARGV[6])
local key = P .. 'schedule:' .. name
local s = redis.call('HMGET', key, 'last_ms', 'paused_ms', 'forgotten_from', 'forgotten_to')
local last = tonumber(s[1])
if not last then return { -1, 0 } end
local answer = { 1, last }

local function run_of(tick) return how ~= 'manual' and redis.call('HGET', key .. ':runs', tick) end

local function tell(entry)
  entry.at_ms = NOW
  entry.how = how
  redis.call('LPUSH', key .. ':log', cjson.encode(entry))
  redis.call('LTRIM', key .. ':log', 0, LOG - 1)
end

if how == 'clock' then
  if last ~= from then
    -- Another was first; or this very call was made, and its reply was lost.
    return { 0, last }
  end
  answer[2] = upto
  if s[2] then
    redis.call('HSET', key, 'last_ms', ARGV[4])
    redis.call('HINCRBY', key, 'held', n + missed)
    return { 2, upto }
  end
end
if n > 0 and nearly_full(n, 7) then
  return redis.error_reply('BACKPRESSURE Redis is nearly full: nothing new is accepted')
end

local i, fresh = 7, 0
for _ = 1, n do
  local tick = ARGV[i]
  local known = run_of(tick)
  local at = tonumber(tick)
  i = i + 1
  if known then
    answer[#answer + 1] = 0
    answer[#answer + 1] = known
    i = i + 16 + 2 * tonumber(ARGV[i + 15])
  elseif how == 'backfill' and s[3] and at >= tonumber(s[3]) and at <= tonumber(s[4]) then
    answer[#answer + 1] = -1
    answer[#answer + 1] = ''
    i = i + 16 + 2 * tonumber(ARGV[i + 15])
  else
    local before = redis.call('EXISTS', P .. 'run:' .. ARGV[i]) == 1
    local id
    id, i = accept(i, n, '')
    if not before then
      fresh = fresh + 1
      tell({ tick_ms = how ~= 'manual' and at or nil, run = id })
    end
    if how ~= 'manual' then
      redis.call('HSET', key .. ':runs', tick, id)
      redis.call('ZADD', key .. ':ticks', NOW, tick)
    end
    answer[#answer + 1] = before and 0 or 1
    answer[#answer + 1] = id
  end
end

if how == 'clock' then redis.call('HSET', key, 'last_ms', ARGV[4]) end
if fresh > 0 then redis.call('HINCRBY', key, 'fired', fresh) end
if missed > 0 then
  redis.call('HINCRBY', key, 'missed', missed)
  tell({ tick_ms = upto, missed = missed })
end
-- What is remembered of ticks is bounded; of those that were forgotten only the span is known, and none runs again.
if redis.call('ZCARD', key .. ':ticks') > MEMORY then
  local old = redis.call('ZRANGE', key .. ':ticks', 0, math.max(n, 20) - 1)
  local low, high = tonumber(s[3]) or math.huge, tonumber(s[4]) or 0
  for _, tick in ipairs(old) do
    low, high = math.min(low, tonumber(tick)), math.max(high, tonumber(tick))
  end
  redis.call('ZREM', key .. ':ticks', unpack(old))
  redis.call('HDEL', key .. ':runs', unpack(old))
  redis.call('HSET', key, 'forgotten_from', string.format('%.0f', low), 'forgotten_to', string.format('%.0f', high))
end
for queue in pairs(WOKEN) do wake(queue) end
return answer
