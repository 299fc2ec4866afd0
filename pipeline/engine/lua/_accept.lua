-- How a run is accepted, for every script that accepts one. A run's arguments: id, actor, queue, tier, group, number,
-- delay_ms, key, mode, period_ms, node, needs, gates, parent, message, n, then n further fields of its record, each a
-- name and a value. What a key does when a run is there already is its mode: `return` gives the first one unless it
-- failed; `throttle` gives it, however it ended, for a period; `debounce` puts the new payload in the place of one that
-- has not started and starts it a period from now; `replace` puts the new payload in the place of one that has not
-- started. A run that is there already is left as it is.
local WOKEN = {} -- queues to wake once all are accepted
local SEQ = nil -- ages are drawn once a call

-- Over four fifths of its memory nothing new is accepted, so that there is room to finish what was. Reading it takes
-- 40 us, so one small call in 16 does, and every large one; for the others the flag speaks, a second long.
local function nearly_full(total, from)
  if redis.call('EXISTS', P .. 'pressure') == 1 then return true end
  if total < 16 and TIME[2] % 16 > 0 then return false end
  local told, bytes = redis.call('INFO', 'memory'), 0
  for i = from, #ARGV do bytes = bytes + #ARGV[i] end
  local used, most = string.match(told, 'used_memory:(%d+)'), tonumber(string.match(told, 'maxmemory:(%d+)'))
  if most == 0 or used + bytes < 0.8 * most then return false end
  redis.pcall('SET', P .. 'pressure', '1', 'PX', 1000)
  return true
end

-- Gives the run that a key stands for, if it is to be given instead of a new one.
local function first_under(name, mode, at)
  local first = redis.call('GET', name)
  if not first then return nil end
  local r = redis.call('HMGET', P .. 'run:' .. first, 'state', 'sent', 'fence')
  if mode == 'throttle' or r[2] == ARGV[at] then return first end -- or this very sending was taken, and its reply lost
  if not r[1] then return nil end
  if mode == 'return' then return (r[1] ~= 'dead' and r[1] ~= 'cancelled') and first or nil end
  if (r[1] ~= 'queued' and r[1] ~= 'snoozed' and r[1] ~= 'parked') or r[3] then return nil end
  -- It has not started: what is new takes its place, its turn and its id.
  local message = string.gsub(ARGV[at + 14], ARGV[at], first, 1)
  redis.call('HSET', P .. 'run:' .. first, 'message', message, 'sent', ARGV[at])
  redis.call('HDEL', P .. 'run:' .. first, 'version', 'deadline_ms', 'patience_ms')
  for j = at + 16, at + 15 + 2 * tonumber(ARGV[at + 15]), 2 do
    if ARGV[j] ~= 'feeds' then redis.call('HSET', P .. 'run:' .. first, ARGV[j], ARGV[j + 1], 'more', 1) end
  end
  emit(first, 'replaced', '{}')
  if mode == 'debounce' and redis.call('ZSCORE', P .. 'delayed', first) then
    local due = NOW + tonumber(ARGV[at + 9])
    redis.call('ZADD', P .. 'delayed', due, first)
    redis.call('HSET', P .. 'run:' .. first, 'due_ms', due)
  end
  return first
end

-- Accepts the run whose arguments begin at i, one of `total`; gives the run that counts, and where the next begins.
local function accept(i, total, flow)
  local id, actor, queue, tier, group = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local number, delay, idem, mode = ARGV[i + 5], tonumber(ARGV[i + 6]), ARGV[i + 7], ARGV[i + 8]
  local node, needs, gates, parent = ARGV[i + 10], tonumber(ARGV[i + 11]), ARGV[i + 12], ARGV[i + 13]
  local more = tonumber(ARGV[i + 15])
  local key = P .. 'run:' .. id
  local name = idem ~= '' and P .. 'key:' .. actor .. ':' .. idem
  local first = nil
  if redis.call('EXISTS', key) == 1 then
    first = id
  elseif idem ~= '' then
    first = first_under(name, mode, i)
  end
  if not first then
    local record = { 'message', ARGV[i + 14], 'actor', actor, 'queue', queue, 'tier', tier, 'group', group,
      'number', number, 'queued_ms', NOW }
    local function also(field, value)
      record[#record + 1] = field
      record[#record + 1] = value
    end
    for j = i + 16, i + 15 + 2 * more do record[#record + 1] = ARGV[j] end
    -- Few runs have any of these; the others are not looked at for them with every claim and commit.
    if more > 0 or delay > 0 or gates ~= '' or parent ~= '' or flow ~= '' then also('more', 1) end
    if gates ~= '' then also('gates', gates) end
    if parent ~= '' then
      also('parent', parent)
      redis.call('SADD', P .. 'run:' .. parent .. ':children', id)
    end
    if idem ~= '' then
      also('key', idem)
      if mode == 'throttle' then
        redis.call('SET', name, id, 'PX', ARGV[i + 9])
      else
        redis.call('SET', name, id)
      end
    end
    if flow ~= '' then
      also('flow', flow)
      also('node', node)
      redis.call('HSET', P .. 'flow:' .. flow, 'run:' .. node, id)
    end
    if needs > 0 then
      also('state', 'waiting')
      also('needs', needs)
      redis.call('ZADD', P .. 'waiting', NOW, id)
    else
      also('state', 'queued')
      if delay > 0 then
        also('due_ms', NOW + delay)
        redis.call('ZADD', P .. 'delayed', NOW + delay, id)
        redis.call('SADD', P .. 'queues', queue)
        -- Idle workers sleep until the earliest due time they know; an earlier one must wake them.
        if redis.call('ZRANGE', P .. 'delayed', 0, 0)[1] == id then WOKEN[queue] = true end
      else
        SEQ = SEQ or redis.call('INCRBY', P .. 'seq', total) - total
        SEQ = SEQ + 1
        local score = (number + 1000) * NUMBER + SEQ
        also('place', string.format('%.0f', score))
        place(id, queue, tier, group, gates, score)
        WOKEN[queue] = true
      end
    end
    redis.call('HSET', key, unpack(record))
  end
  return first or id, i + 16 + 2 * more
end
