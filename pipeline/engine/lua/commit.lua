-- commit(KEYS = [prefix], ARGV = [11 a run]) -> a run: 1 committed | 2 committed, as cancelled: it was asked to stop | 0 already committed | -1 refused: the lease is another's
-- A run's arguments: id, fence, state, delay_ms, result, reason, error, spends (1 if the attempt is spent), notes (a JSON
-- object of further fields of the record, or nothing), cost (what it counts for in its group's share, above a run's own),
-- health (what it says of the breakers before it: ok, fail, or nothing).
-- state is completed, retrying, snoozed, dead, cancelled, review, waiting (for its children), or queued: given back, in
-- its old place, no attempt spent.
-- needs _gates
-- The result, the retry time, the error, what the run releases and its event are written together.
local now = now_ms()
local codes, unleased = {}, {}
local ended = { completed = {}, dead = {}, cancelled = {} }
local feed = { P .. 'ended', '*' }

local NOTHING = {}
for i = 1, #ARGV, 11 do
  local id, fence, state, reason = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 5]
  local key = P .. 'run:' .. id
  local r = redis.call('HMGET', key, 'fence', 'state', 'attempt', 'cancel', 'more', 'committed', 'watched',
    'actor', 'queue', 'group', 'queued_ms', 'started_ms')
  if r[6] == fence then
    codes[#codes + 1] = 0
  elseif r[1] ~= fence or r[2] ~= 'running' then
    codes[#codes + 1] = -1
  else
    codes[#codes + 1] = 1
    unleased[#unleased + 1] = id
    local m = r[5] and redis.call('HMGET', key, 'flow', 'feeds', 'gates', 'needs', 'due_ms', 'billed') or NOTHING
    if m[3] then
      redis.call('ZREM', P .. 'leases', id)
      give_back(m[3], id)
      if ARGV[i + 10] ~= '' then
        local began = tonumber(redis.call('HGET', key, 'started_ms'))
        for token in string.gmatch(m[3], '%S+') do
          local name = string.match(token, '^b:(.+)')
          if name then heard(name, id, ARGV[i + 10], 0, (now - began) / 1000, reason, {}) end
        end
      end
    end
    if ARGV[i + 8] ~= '' then
      for field, value in pairs(cjson.decode(ARGV[i + 8])) do redis.call('HSET', key, field, value) end
    end
    if ARGV[i + 9] ~= '0' then
      local w = redis.call('HMGET', key, 'queue', 'tier', 'group')
      redis.call('HINCRBYFLOAT', P .. 'debt:' .. w[1], lane(w[2], w[3]), ARGV[i + 9])
    end
    if r[4] and state ~= 'dead' then
      if state ~= 'cancelled' then codes[#codes] = 2 end
      state, reason = 'cancelled', 'asked'
    end
    if not ended[state] then keep_start(id) end
    local attempt = (r[3] or 0) + tonumber(ARGV[i + 7])
    if ARGV[i + 6] ~= '' then
      redis.call('RPUSH', key .. ':errors', ARGV[i + 6])
      redis.call('LTRIM', key .. ':errors', -50, -1)
    end
    if state == 'completed' then
      redis.call('HSET', key, 'state', state, 'result', ARGV[i + 4], 'finished_ms', now, 'committed', fence, 'attempt', attempt)
      emit(id, state, '{"attempt":' .. attempt .. '}', r[7])
    elseif state == 'queued' then
      local w = redis.call('HMGET', key, 'queue', 'tier', 'group', 'place', 'starts', 'gates')
      -- This start is taken back; the worker deaths before it still count.
      redis.call('HSET', key, 'state', state, 'starts', math.max(0, w[5] - 1), 'committed', fence, 'reason', reason)
      place(id, w[1], w[2], w[3], w[6], tonumber(w[4]))
      wake(w[1])
      emit(id, string.find(reason, '^model: ') and 'fallback' or 'interrupted', cjson.encode({ reason = reason }))
    elseif state == 'waiting' then
      redis.call('HSET', key, 'state', state, 'reason', reason, 'committed', fence, 'starts', 0)
      emit(id, state, cjson.encode({ reason = reason }))
      if tonumber(m[4] or redis.call('HGET', key, 'needs') or 0) <= 0 then line_up(id) else redis.call('ZADD', P .. 'waiting', now, id) end
    elseif state == 'review' then
      redis.call('HSET', key, 'state', state, 'reason', reason, 'committed', fence, 'starts', 0)
      redis.call('ZADD', P .. 'review', now, id)
      emit(id, state, cjson.encode({ reason = reason }))
    else
      redis.call('HSET', key, 'state', state, 'reason', reason, 'attempt', attempt, 'committed', fence, 'starts', 0)
      local told = { reason = reason, attempt = attempt }
      if state == 'retrying' or state == 'snoozed' then
        local due = now + tonumber(ARGV[i + 3])
        redis.call('HSET', key, 'due_ms', due)
        redis.call('ZADD', P .. 'delayed', due, id)
        if state == 'snoozed' then
          redis.call('HINCRBY', key, 'snoozes', 1)
          redis.call('HINCRBY', key, 'waited_ms', ARGV[i + 3])
        elseif reason == 'timeout' then
          redis.call('HINCRBY', key, 'timeouts', 1)
        end
        if redis.call('ZRANGE', P .. 'delayed', 0, 0)[1] == id then wake(redis.call('HGET', key, 'queue')) end
        told.delay_ms = tonumber(ARGV[i + 3])
      else
        redis.call('HSET', key, 'finished_ms', now)
      end
      emit(id, state, cjson.encode(told))
    end
    local list = ended[state]
    if list then
      list[#list + 1] = now
      list[#list + 1] = id
      local since, started = nil, nil
      if fence ~= '1' then since, started = unpack(redis.call('HMGET', key, 'since_ms', 'first_ms')) end
      feed[#feed + 1] = 'e'
      feed[#feed + 1] = ended_line(id, r[8], r[9], state, attempt, since or might_start(r[11], m[5]), started or r[12], r[10],
        m[6] or '', state == 'completed' and '' or string.sub(reason, 1, 80))
      if m[6] then redis.call('HDEL', key, 'billed') end
      if m[1] or m[2] then settle(id, state, now) end
    end
  end
end
if #feed > 2 then feed_ended(feed) end
if #unleased > 0 then redis.call('ZREM', P .. 'leases', unpack(unleased)) end
for state, list in pairs(ended) do
  if #list > 0 then redis.call('ZADD', P .. 'finished:' .. state, unpack(list)) end
end
return codes
