-- sweep(KEYS = [prefix], ARGV = [worker, lease_ms, crash_limit, feed_limit, then state, keep_count, keep_ms for each of completed, dead, cancelled, flows]) -> {leader, stalled, crash loops, promoted, removed, cut from the feed of ended runs}
-- needs _gates
-- The reconciler's work, by one worker at a time, a bounded portion a call: runs of dead workers go back in line or are
-- stopped as crash loops; due runs get in line; finished runs are removed by age and count.
local now = now_ms()
local lease = tonumber(ARGV[2])
local s = redis.call('HMGET', P .. 'sweep', 'leader', 'until', 'last', 'hold')
if s[1] and s[1] ~= ARGV[1] and tonumber(s[2]) > now then return { 0, 0, 0, 0, 0, 0 } end
-- Nobody swept for as long as a lease: Redis, or all workers, were away. Live workers get one lease's time to renew.
-- A leader that dies is followed in less than that.
local hold = tonumber(s[4] or 0)
if s[3] and now - s[3] > lease then hold = now + lease end
redis.call('HSET', P .. 'sweep', 'leader', ARGV[1], 'until', now + math.min(3000, lease / 2), 'last', now, 'hold', hold)

local expired = hold > now and {} or redis.call('ZRANGEBYSCORE', P .. 'leases', '-inf', now, 'LIMIT', 0, 100)
local stalled, looping = 0, 0
for _, id in ipairs(expired) do
  redis.call('ZREM', P .. 'leases', id)
  local key = P .. 'run:' .. id
  local r = redis.call('HMGET', key, 'state', 'starts', 'worker', 'cancel', 'gates')
  if r[1] == 'running' then
    if r[5] then give_back(r[5], id) end
    local told = cjson.encode({ worker = r[3], start = tonumber(r[2]) })
    if r[4] then
      redis.call('HSET', key, 'state', 'cancelled', 'reason', 'asked', 'finished_ms', now)
      emit(id, 'cancelled', '{"reason":"asked"}')
      finish(id, 'cancelled', now)
    elseif tonumber(r[2]) >= tonumber(ARGV[3]) then
      looping = looping + 1
      tally('quarantined', redis.call('HGET', key, 'actor') or '', 'crash_loop')
      redis.call('HSET', key, 'state', 'dead', 'reason', 'crash_loop', 'finished_ms', now)
      redis.call('RPUSH', key .. ':errors', cjson.encode({ kind = 'crash_loop', at_ms = now, worker = r[3],
        message = 'its worker died ' .. r[2] .. ' times with no step finished in between' }))
      emit(id, 'stalled', told)
      emit(id, 'dead', '{"reason":"crash_loop"}')
      finish(id, 'dead', now)
    else
      stalled = stalled + 1
      emit(id, 'stalled', told)
      -- Back where it stood: it waited once already.
      redis.call('HSET', key, 'state', 'queued')
      keep_start(id)
      local w = redis.call('HMGET', key, 'queue', 'tier', 'group', 'place')
      place(id, w[1], w[2], w[3], r[5], w[4])
      tally('recovered', w[1], 'lease_expired')
      wake(w[1])
    end
  end
end

local promoted = promote(now, 500)

local removed = 0
for i = 5, #ARGV, 3 do
  local state, index = ARGV[i], P .. 'finished:' .. ARGV[i]
  local old = redis.call('ZRANGEBYSCORE', index, '-inf', now - tonumber(ARGV[i + 2]), 'LIMIT', 0, 200)
  local surplus = redis.call('ZCARD', index) - tonumber(ARGV[i + 1])
  if #old < 200 and surplus > #old then
    -- Within the last minute nothing is removed by count: whoever waits for a result must find it.
    old = redis.call('ZRANGEBYSCORE', index, '-inf', now - 60000, 'LIMIT', 0, math.min(surplus, 200))
  end
  for _, id in ipairs(old) do
    if state == 'flows' then
      redis.call('ZREM', index, id)
      redis.call('UNLINK', P .. 'flow:' .. id, P .. 'flow:' .. id .. ':log')
    else
      local key = P .. 'run:' .. id
      local r = redis.call('HMGET', key, 'flow', 'actor', 'key', 'parent')
      local above = r[4] and redis.call('HGET', P .. 'run:' .. r[4], 'state')
      -- A flow's later nodes read the results of the earlier ones, and a parent those of its children.
      if (r[1] and redis.call('HGET', P .. 'flow:' .. r[1], 'state') == 'running')
        or (above and above ~= 'completed' and above ~= 'dead' and above ~= 'cancelled') then
        redis.call('ZADD', index, now, id) -- out of the way of those that may go
      else
        redis.call('ZREM', index, id)
        if r[3] then forget_key(r[2], r[3], id) end
        redis.call('UNLINK', key, key .. ':log', key .. ':steps', key .. ':errors', key .. ':text', key .. ':calls', key .. ':children')
        removed = removed + 1
      end
    end
  end
end
-- The feed is bounded also where nobody reads it; what goes unread is counted, and who reads it later is told.
local cut, oldest, newest = 0, nil, nil
local over = tonumber(redis.call('GET', P .. 'ended:runs') or 0) - tonumber(ARGV[4])
if over > 0 then
  for _, entry in ipairs(redis.call('XRANGE', P .. 'ended', '-', '+', 'COUNT', 500)) do
    if cut >= over then break end
    cut, oldest, newest = cut + #entry[2] / 2, oldest or entry[1], entry[1]
  end
  if newest then
    local ms, nth = string.match(newest, '^(%d+)-(%d+)$')
    redis.call('XTRIM', P .. 'ended', 'MINID', ms .. '-' .. string.format('%.0f', nth + 1))
    redis.call('DECRBY', P .. 'ended:runs', cut)
    redis.call('HINCRBY', P .. 'ended:cut', 'runs', cut)
    redis.call('HSETNX', P .. 'ended:cut', 'from_ms', string.match(oldest, '^%d+'))
    redis.call('HSET', P .. 'ended:cut', 'until_ms', ms)
  end
end

redis.call('ZREMRANGEBYSCORE', P .. 'workers', '-inf', now - 3600000)
return { 1, stalled, looping, promoted, removed, cut }
