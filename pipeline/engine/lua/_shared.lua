-- What every script below shares: how keys are spelled (see keys.py), and how a run moves between its places.
-- KEYS[1] is the prefix; it carries the hash tag, so every key built from it lives in the declared slot.
local P = KEYS[1]
local TIER = 1099511627776   -- 2^40: a tier outweighs any virtual time inside it
local NUMBER = 2199023255552 -- 2^41: a number outweighs any age inside it

local TIME = redis.call('TIME')
local NOW = TIME[1] * 1000 + math.floor(TIME[2] / 1000)

local function now_ms() return NOW end

-- A log is a list, not a stream: a stream costs 4 KB from its first entry. Whoever follows it hears of it by its name;
-- `heard` is false where the record says that nobody ever followed (watch_logs.lua).
local function append(log, event, data, heard)
  local length = redis.call('RPUSH', log,
    '{"event":"' .. event .. '","at_ms":' .. string.format('%.0f', NOW) .. ',"data":' .. data .. '}')
  if heard ~= false then redis.call('PUBLISH', log, event) end
  return length
end

local function emit(id, event, data, heard)
  return append(P .. 'run:' .. id .. ':log', event, data, heard)
end

-- One token is enough: whoever takes it and leaves work behind puts it back.
local function wake(queue)
  local key = P .. 'wake:' .. queue
  if redis.call('LLEN', key) == 0 then redis.call('LPUSH', key, '1') end
end

-- The line of a group in its queue. Runs behind the same gates (_gates.lua) have a line of their own: it is held up whole.
local function lane(tier, group, gates)
  local member = tier .. ':' .. group
  return (gates and gates ~= '') and member .. '\31' .. gates or member
end

-- Puts a run in its group's line; with its first run the group enters the round, at the present virtual time.
local function place(id, queue, tier, group, gates, score)
  local member = lane(tier, group, gates)
  local line = P .. 'ready:' .. queue .. ':' .. member
  redis.call('ZADD', line, score, id)
  if redis.call('ZCARD', line) == 1 then
    local turn = redis.call('HGET', P .. 'clock:' .. queue, tier) or 0
    redis.call('ZADD', P .. 'ready:' .. queue, 'NX', tier * TIER + turn, member)
    redis.call('SADD', P .. 'queues', queue)
  end
end

local function next_score(number)
  return (number + 1000) * NUMBER + redis.call('INCR', P .. 'seq')
end

-- Puts a waiting or delayed run at the end of its line.
local function line_up(id)
  local key = P .. 'run:' .. id
  local r = redis.call('HMGET', key, 'queue', 'tier', 'group', 'number', 'gates')
  if not r[1] then return nil end
  local score = next_score(tonumber(r[4]))
  redis.call('HSET', key, 'state', 'queued', 'place', string.format('%.0f', score))
  place(id, r[1], r[2], r[3], r[5], score)
  wake(r[1])
  return r[1]
end

-- Delayed runs that are due get in line; bounded, the rest follows with the next call.
local function promote(now, limit)
  local due = redis.call('ZRANGEBYSCORE', P .. 'delayed', '-inf', now, 'LIMIT', 0, limit)
  if #due > 0 then
    redis.call('ZREM', P .. 'delayed', unpack(due))
    for _, id in ipairs(due) do line_up(id) end
  end
  return #due
end

-- A run reached a final state: tell its flow, and the runs that wait for it. What waits for the impossible is
-- cancelled, and tells on in turn. Every edge counts once, whatever arrives twice.
local function settle(id, state, now)
  local todo = { { id, state } }
  local at = 1
  while todo[at] do
    local done, how = todo[at][1], todo[at][2]
    at = at + 1
    local r = redis.call('HMGET', P .. 'run:' .. done, 'feeds', 'flow', 'node', 'actor')
    if r[1] then
      for child, required in string.gmatch(r[1], '(%S+):([01])') do
        local key = P .. 'run:' .. child
        local heard = redis.call('HSETNX', key, 'in:' .. done, how) == 1
        local left = heard and redis.call('HINCRBY', key, 'needs', -1)
        local c = redis.call('HMGET', key, 'state', 'brood')
        if heard and c[2] then
          emit(child, 'child', cjson.encode({ run = done, state = how, done = c[2] - left, total = tonumber(c[2]) }))
        end
        if heard and c[1] == 'waiting' then
          if how ~= 'completed' and required == '1' then
            redis.call('ZREM', P .. 'waiting', child)
            local reason = 'input_failed: ' .. (r[3] or r[4])
            redis.call('HSET', key, 'state', 'cancelled', 'reason', reason, 'finished_ms', now)
            redis.call('ZADD', P .. 'finished:cancelled', now, child)
            emit(child, 'cancelled', cjson.encode({ reason = reason }))
            todo[#todo + 1] = { child, 'cancelled' }
          elseif left <= 0 then
            redis.call('ZREM', P .. 'waiting', child)
            redis.call('HSET', key, 'queued_ms', now)
            line_up(child)
            emit(child, 'queued', '{}')
          end
        end
      end
    end
    if r[2] then
      local flow = P .. 'flow:' .. r[2]
      if redis.call('HSETNX', flow, 'node:' .. r[3], how) == 1 then
        if how ~= 'completed' then redis.call('HINCRBY', flow, 'failed', 1) end
        append(flow .. ':log', 'node', cjson.encode({ node = r[3], run = done, state = how }))
        if redis.call('HINCRBY', flow, 'pending', -1) == 0 then
          local f = redis.call('HMGET', flow, 'failed', 'total', 'last')
          local final = redis.call('HGET', P .. 'run:' .. f[3], 'state')
          local ending = 'completed'
          if final ~= 'completed' then ending = 'failed' elseif tonumber(f[1] or '0') > 0 then ending = 'partial' end
          redis.call('HSET', flow, 'state', ending, 'finished_ms', now)
          redis.call('ZADD', P .. 'finished:flows', now, r[2])
          append(flow .. ':log', ending, '{}')
        end
      end
    end
  end
end

-- A run is removed: its key stands for nothing more, unless it is to for a period.
local function forget_key(actor, key, id)
  local name = P .. 'key:' .. actor .. ':' .. key
  if redis.call('GET', name) == id and redis.call('PTTL', name) == -1 then redis.call('DEL', name) end
end

-- A run ends: its record keeps what was asked and what came of it.
local function finish(id, state, now, reason)
  redis.call('ZADD', P .. 'finished:' .. state, now, id)
  settle(id, state, now)
end
