-- claim(KEYS = [prefix], ARGV = [worker, claim_id, again, lease_ms, want, last, suspects, n, queue * n, actor ...]) -> {ms until the next delayed run or -1, then a run: id, message, fence, attempt, starts, steps, cancel, snoozes, tier ...}
-- Takes up to `want` runs in order: tier; then groups by their share; then number; then age. Runs of actors that are
-- not among `actor ...` are parked, and taken from there by the first worker that knows them.
-- At most `suspects` of them are on their last start, number `last`: two that may both kill their worker never share
-- one, so that a run which dies with a crash loop is not stopped as another.
-- `again` is 1 when the reply of this claim id may have been lost: what it took then is returned now.
local worker, claim_id, want, n = ARGV[1], ARGV[2], tonumber(ARGV[5]), tonumber(ARGV[8])
local last, suspects = tonumber(ARGV[6]), tonumber(ARGV[7])
local now = now_ms()
local ends = now + tonumber(ARGV[4])
local out, taken, leased = { -1 }, 0, {}

local known, served = {}, {}
for i = 9, 8 + n do served[ARGV[i]] = true end
for i = 9 + n, #ARGV do known[ARGV[i]] = true end

local function deliver(id, r, fence, starts)
  local o = #out
  out[o + 1], out[o + 2], out[o + 3], out[o + 4], out[o + 5] = id, r[1], fence, tonumber(r[5] or 0), starts
  out[o + 6] = redis.call('EXISTS', P .. 'run:' .. id .. ':steps')
  out[o + 7] = r[8] and 1 or 0
  local more = redis.call('HMGET', P .. 'run:' .. id, 'snoozes', 'tier')
  out[o + 8], out[o + 9] = tonumber(more[1] or 0), tonumber(more[2] or 2)
  taken = taken + 1
end

if ARGV[3] == '1' then
  for _, id in ipairs(redis.call('ZRANGE', P .. 'leases', 0, -1)) do
    local r = redis.call('HMGET', P .. 'run:' .. id, 'message', 'actor', 'fence', 'starts', 'attempt', 'claim', 'worker', 'cancel', 'state')
    if r[6] == claim_id and r[7] == worker and r[9] == 'running' then
      leased[#leased + 1] = ends
      leased[#leased + 1] = id
      deliver(id, r, tonumber(r[3]), tonumber(r[4]))
    end
  end
  if taken > 0 then
    redis.call('ZADD', P .. 'leases', unpack(leased))
    return out
  end
end

-- Starts one run: the start is counted, and the lease written, before the worker hears of it.
local function start(id, score)
  local key = P .. 'run:' .. id
  local r = redis.call('HMGET', key, 'message', 'actor', 'fence', 'starts', 'attempt', 'deadline_ms', 'state', 'cancel', 'tier', 'watched')
  if not r[1] or r[7] == 'running' or r[7] == 'completed' or r[7] == 'dead' or r[7] == 'cancelled' then return end
  if not known[r[2]] then
    redis.call('HSET', key, 'state', 'parked', 'reason', 'unknown_actor: ' .. r[2])
    redis.call('ZADD', P .. 'parked:' .. r[2], score, id)
    redis.call('SADD', P .. 'parked', r[2])
    emit(id, 'parked', cjson.encode({ actor = r[2] }))
    return
  end
  if r[6] and now > tonumber(r[6]) then
    redis.call('HSET', key, 'state', 'dead', 'reason', 'deadline', 'finished_ms', now)
    emit(id, 'dead', '{"reason":"deadline"}')
    finish(id, 'dead', now)
    return
  end
  local fence, starts = (r[3] or 0) + 1, (r[4] or 0) + 1
  if starts >= last then
    if suspects < 1 then
      redis.call('ZADD', P .. 'delayed', now + 250, id)
      return
    end
    suspects = suspects - 1
  end
  redis.call('HSET', key, 'state', 'running', 'fence', fence, 'starts', starts, 'worker', worker, 'claim', claim_id,
    'started_ms', now)
  emit(id, 'started', '{"attempt":' .. ((r[5] or 0) + 1) .. ',"start":' .. fence .. '}', r[10])
  leased[#leased + 1] = ends
  leased[#leased + 1] = id
  if r[4] or r[5] then
    deliver(id, r, fence, starts)
  else -- never started before: it has no steps to look for
    local o = #out
    out[o + 1], out[o + 2], out[o + 3], out[o + 4], out[o + 5], out[o + 6], out[o + 7] = id, r[1], fence, 0, starts, 0, 0
    out[o + 8], out[o + 9] = 0, tonumber(r[9] or 2)
    taken = taken + 1
  end
end

promote(now, 100)

for _, actor in ipairs(redis.call('SMEMBERS', P .. 'parked')) do
  if known[actor] and taken < want then
    local found = redis.call('ZRANGE', P .. 'parked:' .. actor, 0, want - taken - 1, 'WITHSCORES')
    for j = 1, #found, 2 do
      local queue = redis.call('HGET', P .. 'run:' .. found[j], 'queue')
      if not queue or served[queue] then
        redis.call('ZREM', P .. 'parked:' .. actor, found[j])
        start(found[j], tonumber(found[j + 1]))
      end
    end
    if redis.call('EXISTS', P .. 'parked:' .. actor) == 0 then redis.call('SREM', P .. 'parked', actor) end
  end
end

local heads = {}
local function look(q)
  local h = redis.call('ZRANGE', P .. 'ready:' .. q, 0, 1, 'WITHSCORES')
  heads[q] = h[1] and h or false
end
for i = 9, 8 + n do look(ARGV[i]) end

-- An upper bound on rounds: parked runs and orphans take a turn and deliver nothing.
local rounds = want * 4 + 16
while taken < want and rounds > 0 do
  rounds = rounds - 1
  local queue, best = nil, nil
  for i = 9, 8 + n do
    local h = heads[ARGV[i]]
    if h then
      local tier = math.floor(tonumber(h[2]) / TIER)
      if not best or tier < best then queue, best = ARGV[i], tier end
    end
  end
  if not queue then break end
  local h = heads[queue]
  local member, turn = h[1], tonumber(h[2])
  local share = tonumber(redis.call('HGET', P .. 'weight', string.match(member, ':(.*)')) or 1)
  -- How many it may take before the next group of the same tier has its turn.
  local several = want - taken
  if h[3] and math.floor(tonumber(h[4]) / TIER) == best then
    several = math.min(several, math.max(1, math.floor((tonumber(h[4]) - turn) * share) + 1))
  end
  local line = P .. 'ready:' .. queue .. ':' .. member
  local popped = redis.call('ZPOPMIN', line, several)
  local count = #popped / 2
  redis.call('HSET', P .. 'clock:' .. queue, best, string.format('%.6f', turn - best * TIER))
  if redis.call('EXISTS', line) == 0 then
    redis.call('ZREM', P .. 'ready:' .. queue, member)
  else
    redis.call('ZADD', P .. 'ready:' .. queue, 'XX', turn + count / share, member)
  end
  for j = 1, #popped, 2 do start(popped[j], tonumber(popped[j + 1])) end
  look(queue)
end

if #leased > 0 then redis.call('ZADD', P .. 'leases', unpack(leased)) end
for i = 9, 8 + n do
  if heads[ARGV[i]] then wake(ARGV[i]) else redis.call('DEL', P .. 'wake:' .. ARGV[i]) end
end
local next_due = redis.call('ZRANGE', P .. 'delayed', 0, 0, 'WITHSCORES')
if next_due[2] then out[1] = math.max(0, next_due[2] - now) end
return out
