-- claim(KEYS = [prefix], ARGV = [worker, claim_id, again, lease_ms, want, last, suspects, n, (queue, room) * n, (actor, version) ...]) -> {ms until something waits no longer or -1, then a run: id, message, fence, attempt, starts, steps, cancel, snoozes, tier, memo, waited_ms, age_ms ...}
-- needs _gates
-- Takes up to `want` runs in order: tier; then groups by their share; then number; then age; of a queue no more than it
-- has room for in this process. Runs whose gates refuse them stay in line, and their lane waits at that gate. Runs of
-- actors that are not among `actor ...`, of a newer version, or paused, are parked, and taken from there by the first
-- worker that may run them. `memo` is JSON: what is rarely there (deadline_ms left, waited_ms, timeouts, flow).
-- At most `suspects` of them are on their last start, number `last`: two that may both kill their worker never share
-- one, so that a run which dies with a crash loop is not stopped as another.
-- `again` is 1 when the reply of this claim id may have been lost: what it took then is returned now.
local worker, claim_id, want, n = ARGV[1], ARGV[2], tonumber(ARGV[5]), tonumber(ARGV[8])
local last, suspects = tonumber(ARGV[6]), tonumber(ARGV[7])
local now = now_ms()
local ends = now + tonumber(ARGV[4])
local out, taken, leased = { -1 }, 0, {}

local known, free, paused = {}, {}, {}
for i = 9, 8 + 2 * n, 2 do free[ARGV[i]] = tonumber(ARGV[i + 1]) end
for i = 9 + 2 * n, #ARGV, 2 do known[ARGV[i]] = tonumber(ARGV[i + 1]) end
local stops = redis.call('HKEYS', P .. 'paused')
for _, what in ipairs(stops) do
  paused[what] = true
  if string.sub(what, 1, 6) == 'actor:' then known[string.sub(what, 7)] = nil end
end

-- `waited_ms` is how long it might have started already, -1 if its last attempt was broken off and nobody knows; `age_ms`
-- how long ago it was queued.
local function deliver(id, r, fence, starts)
  local o = #out
  out[o + 1], out[o + 2], out[o + 3], out[o + 4], out[o + 5] = id, r[1], fence, tonumber(r[5] or 0), starts
  out[o + 6] = redis.call('EXISTS', P .. 'run:' .. id .. ':steps')
  out[o + 7] = r[8] and 1 or 0
  local more = redis.call('HMGET', P .. 'run:' .. id, 'snoozes', 'tier', 'deadline_ms', 'waited_ms', 'timeouts', 'flow', 'queued_ms',
    'due_ms', 'reason')
  out[o + 8], out[o + 9], out[o + 10] = tonumber(more[1] or 0), tonumber(more[2] or 2), ''
  if more[3] or more[4] or more[5] or more[6] then
    out[o + 10] = cjson.encode({ left_ms = more[3] and more[3] - now or nil, waited_ms = tonumber(more[4] or 0),
      timeouts = tonumber(more[5] or 0), flow = more[6] or nil })
  end
  local queued, before = tonumber(more[7] or now), tonumber(r[11] or 0)
  local since = math.max(queued, tonumber(more[8] or 0))
  out[o + 11] = (since >= before or more[9] == 'worker_busy') and math.max(0, now - since) or -1
  out[o + 12] = math.max(0, now - queued)
  taken = taken + 1
end

if ARGV[3] == '1' then
  for _, id in ipairs(redis.call('ZRANGE', P .. 'leases', 0, -1)) do
    local r = redis.call('HMGET', P .. 'run:' .. id, 'message', 'actor', 'fence', 'starts', 'attempt', 'claim', 'worker', 'cancel', 'state')
    r[11] = false
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

-- Starts one run: the start is counted, and the lease written, before the worker hears of it. Gives the gate that
-- refuses it, when to ask again, and when it has waited long enough.
local NOTHING = {}
local function start(id, score, queue, group)
  local key = P .. 'run:' .. id
  local r = redis.call('HMGET', key, 'message', 'actor', 'fence', 'starts', 'attempt', 'more', 'state', 'cancel', 'tier', 'watched',
    'started_ms', 'queued_ms')
  if not r[1] or r[7] == 'running' or r[7] == 'completed' or r[7] == 'dead' or r[7] == 'cancelled' then return end
  local m = r[6] and redis.call('HMGET', key, 'gates', 'version', 'parent', 'patience_ms', 'deadline_ms', 'queued_ms', 'due_ms')
    or NOTHING
  if not known[r[2]] or tonumber(m[2] or 1) > known[r[2]] then
    local why = (paused['actor:' .. r[2]] and 'paused: ') or (known[r[2]] and 'newer_version: ') or 'unknown_actor: '
    redis.call('HSET', key, 'state', 'parked', 'reason', why .. r[2])
    redis.call('ZADD', P .. 'parked:' .. r[2], score, id)
    redis.call('SADD', P .. 'parked', r[2])
    emit(id, 'parked', cjson.encode({ actor = r[2] }))
    return
  end
  if m[5] and now > tonumber(m[5]) then
    redis.call('HSET', key, 'state', 'dead', 'reason', 'deadline', 'finished_ms', now)
    emit(id, 'dead', '{"reason":"deadline"}')
    finish(id, 'dead', now)
    return
  end
  if m[3] then
    local above = redis.call('HGET', P .. 'run:' .. m[3], 'state')
    if above == 'cancelled' then
      redis.call('HSET', key, 'state', 'cancelled', 'reason', 'parent_cancelled', 'finished_ms', now)
      emit(id, 'cancelled', '{"reason":"parent_cancelled"}')
      finish(id, 'cancelled', now)
      return
    end
  end
  if m[1] then
    local gate, again = refusal(m[1], id, group, r[2])
    if gate then
      -- It has waited since its gate is shut, be it behind others, but no longer than it stands there.
      local shut = tonumber(redis.call('HGET', P .. 'shut', gate) or now)
      local since = math.max(shut, tonumber(m[6] or 0), tonumber(m[7] or 0))
      local worn = since + tonumber(m[4] or 86400000)
      if now < worn then return gate, again, worn end
      local why = 'waited_too_long: ' .. gate
      redis.call('HSET', key, 'state', 'dead', 'reason', why, 'finished_ms', now)
      emit(id, 'dead', cjson.encode({ reason = why }))
      finish(id, 'dead', now)
      return
    end
  end
  local fence, starts = (r[3] or 0) + 1, (r[4] or 0) + 1
  if starts >= last then
    if suspects < 1 then
      redis.call('ZADD', P .. 'delayed', now + 250, id)
      return
    end
    suspects = suspects - 1
  end
  if m[1] then
    fresh[id] = true
    pass(m[1], id)
  end
  free[queue] = (free[queue] or 0) - 1
  redis.call('HSET', key, 'state', 'running', 'fence', fence, 'starts', starts, 'worker', worker, 'claim', claim_id,
    'started_ms', now)
  emit(id, 'started', '{"attempt":' .. ((r[5] or 0) + 1) .. ',"start":' .. fence .. '}', r[10])
  leased[#leased + 1] = ends
  leased[#leased + 1] = id
  if r[4] or r[5] or r[6] then
    deliver(id, r, fence, starts)
  else -- never started before: it has no steps to look for
    local o = #out
    out[o + 1], out[o + 2], out[o + 3], out[o + 4], out[o + 5], out[o + 6], out[o + 7] = id, r[1], fence, 0, starts, 0, 0
    local age = math.max(0, now - (r[12] or now))
    out[o + 8], out[o + 9], out[o + 10], out[o + 11], out[o + 12] = 0, tonumber(r[9] or 2), '', age, age
    taken = taken + 1
  end
end

promote(now, 100)
open_gates()

for _, actor in ipairs(redis.call('SMEMBERS', P .. 'parked')) do
  if known[actor] and taken < want then
    local found = redis.call('ZRANGE', P .. 'parked:' .. actor, 0, 99, 'WITHSCORES')
    for j = 1, #found, 2 do
      local id = found[j]
      local w = redis.call('HMGET', P .. 'run:' .. id, 'queue', 'version', 'tier', 'group', 'gates')
      local may = not w[1] or ((free[w[1]] or 0) > 0 and not paused['queue:' .. w[1]] and not paused['group:' .. w[4]])
      if taken < want and may and tonumber(w[2] or 1) <= known[actor] then
        redis.call('ZREM', P .. 'parked:' .. actor, id)
        if start(id, tonumber(found[j + 1]), w[1], w[4]) then -- a gate refuses it: it waits there, in its old place
          redis.call('HSET', P .. 'run:' .. id, 'state', 'queued')
          place(id, w[1], w[3], w[4], w[5], found[j + 1])
        end
      end
    end
    if redis.call('EXISTS', P .. 'parked:' .. actor) == 0 then redis.call('SREM', P .. 'parked', actor) end
  end
end

local heads = {}
local function look(q)
  if paused['queue:' .. q] or free[q] <= 0 then
    heads[q] = false
    return
  end
  local h = redis.call('ZRANGE', P .. 'ready:' .. q, 0, 1, 'WITHSCORES')
  heads[q] = h[1] and h or false
end
for i = 9, 8 + 2 * n, 2 do look(ARGV[i]) end

-- What a group's runs cost above their number is paid with its next turns.
local function owed(queue, name)
  local debt = redis.call('HGET', P .. 'debt:' .. queue, name)
  if debt then redis.call('HDEL', P .. 'debt:' .. queue, name) end
  return tonumber(debt or 0)
end

-- Where the lines of a group that has several go on: see place() in _shared.lua.
local several_lines = {}
local function group_turn(queue, name)
  if several_lines[queue] == nil then several_lines[queue] = redis.call('EXISTS', P .. 'turns:' .. queue) == 1 end
  return several_lines[queue] and tonumber(redis.call('HGET', P .. 'turns:' .. queue, name))
end

-- An upper bound on rounds: parked runs and orphans take a turn and deliver nothing.
local rounds = want * 4 + 16
while taken < want and rounds > 0 do
  rounds = rounds - 1
  local queue, best = nil, nil
  for i = 9, 8 + 2 * n, 2 do
    local h = heads[ARGV[i]]
    if h then
      local tier = math.floor(tonumber(h[2]) / TIER)
      if not best or tier < best then queue, best = ARGV[i], tier end
    end
  end
  if not queue then break end
  local h = heads[queue]
  local member, turn = h[1], tonumber(h[2])
  local group, gated = string.match(member, ':([^\31]*)(\31?)')
  local share = tonumber(redis.call('HGET', P .. 'weight', group) or 1)
  -- How many it may take before the next group of the same tier has its turn.
  local several = math.min(want - taken, free[queue])
  if h[3] and math.floor(tonumber(h[4]) / TIER) == best then
    several = math.min(several, math.max(1, math.floor((tonumber(h[4]) - turn) * share) + 1))
  end
  local line = P .. 'ready:' .. queue .. ':' .. member
  local gate, again, worn = nil, nil, nil
  if paused['group:' .. group] then gate, again, several = 'p:' .. group, now + 3600000, 0 end
  local popped = several > 0 and redis.call('ZPOPMIN', line, several) or {}
  local count = #popped / 2
  redis.call('HSET', P .. 'clock:' .. queue, best, string.format('%.6f', turn - best * TIER))
  for j = 1, #popped, 2 do
    if not gate then gate, again, worn = start(popped[j], tonumber(popped[j + 1]), queue, group) end
    if gate then
      redis.call('ZADD', line, popped[j + 1], popped[j])
      count = count - 1
    end
  end
  local name = best .. ':' .. group
  local more = count + owed(queue, name)
  local tail = gated ~= '' and more > 0 and (group_turn(queue, name) or turn + 1 / share)
  if tail then -- one turn was its own already
    turn = math.max(tail, turn + 1 / share) + (more - 1) / share
    redis.call('HSET', P .. 'turns:' .. queue, name, string.format('%.6f', turn + 1 / share))
    several_lines[queue] = true
  else
    turn = turn + more / share
  end
  if redis.call('EXISTS', line) == 0 then
    redis.call('ZREM', P .. 'ready:' .. queue, member)
  elseif gate then
    block(gate, again, queue, member, turn, worn)
  else
    redis.call('ZADD', P .. 'ready:' .. queue, 'XX', turn, member)
  end
  look(queue)
end

if #leased > 0 then redis.call('ZADD', P .. 'leases', unpack(leased)) end
for i = 9, 8 + 2 * n, 2 do
  if heads[ARGV[i]] or (free[ARGV[i]] <= 0 and redis.call('EXISTS', P .. 'ready:' .. ARGV[i]) == 1) then
    wake(ARGV[i])
  else
    redis.call('DEL', P .. 'wake:' .. ARGV[i])
    if several_lines[ARGV[i]] and redis.call('EXISTS', P .. 'ready:' .. ARGV[i]) == 0 then redis.call('DEL', P .. 'turns:' .. ARGV[i]) end
  end
end
for _, index in ipairs({ 'delayed', 'gates' }) do
  local next_due = redis.call('ZRANGE', P .. index, 0, 0, 'WITHSCORES')
  if next_due[2] then
    local left = math.max(0, math.ceil(next_due[2] - now))
    if out[1] < 0 or left < out[1] then out[1] = left end
  end
end
return out
