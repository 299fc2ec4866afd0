-- What every script below shares: how keys are spelled (see keys.py), and how a run moves between its places.
-- KEYS[1] is the prefix; it carries the hash tag, so every key built from it lives in the declared slot.
local P = KEYS[1]
local TIER = 1099511627776   -- 2^40: a tier outweighs any virtual time inside it
local NUMBER = 2199023255552 -- 2^41: a number outweighs any age inside it

local TIME = redis.call('TIME')
local NOW = TIME[1] * 1000 + math.floor(TIME[2] / 1000)
local STAMP = string.format('%.0f', NOW)

local function now_ms() return NOW end

-- A log is a list, not a stream: a stream costs 4 KB from its first entry. Whoever follows it hears of it by its name;
-- `heard` is false where the record says that nobody ever followed (watch_logs.lua).
local function append(log, event, data, heard)
  local length = redis.call('RPUSH', log,
    '{"event":"' .. event .. '","at_ms":' .. STAMP .. ',"data":' .. data .. '}')
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

-- A group has a line for each set of gates, and one share for them all: every line takes the turn after the last one that
-- the group has, so that many lines are served no oftener together than one.
local function behind(queue, name, group, turn)
  local key = P .. 'turns:' .. queue
  local mine = math.max(turn, tonumber(redis.call('HGET', key, name) or 0))
  redis.call('HSET', key, name, string.format('%.6f', mine + 1 / (redis.call('HGET', P .. 'weight', group) or 1)))
  return mine
end

-- Puts a run in its group's line; with its first run the group enters the round, at the present virtual time.
local function place(id, queue, tier, group, gates, score)
  local member = lane(tier, group, gates)
  local line = P .. 'ready:' .. queue .. ':' .. member
  redis.call('ZADD', line, score, id)
  if redis.call('ZCARD', line) == 1 then
    local turn = tier * TIER + (redis.call('HGET', P .. 'clock:' .. queue, tier) or 0)
    if gates and gates ~= '' then turn = behind(queue, tier .. ':' .. group, group, turn) end
    redis.call('ZADD', P .. 'ready:' .. queue, 'NX', turn, member)
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

-- A run as the feed of ended runs tells of it, in the order in which engine/ended_feed.py reads it. A state of - stands for
-- a run that had ended before: calls of models that were paid for later.
local function ended_line(id, actor, queue, state, attempt, since, started, group, billed, reason)
  return id .. '\31' .. actor .. '\31' .. queue .. '\31' .. state .. '\31' .. attempt .. '\31' .. since .. '\31' .. started
    .. '\31' .. STAMP .. '\31' .. group .. '\31' .. billed .. '\31' .. reason
end

-- Since when a run might have started: for a while it was not due.
local function might_start(queued, due)
  return (due and tonumber(due) > tonumber(queued)) and due or queued
end

-- Adds runs to the feed, all of them as one entry: an entry costs more than a run in it. `words` begins with its key and *.
local function feed_ended(words)
  redis.call('XADD', unpack(words))
  redis.call('INCRBY', P .. 'ended:runs', (#words - 2) / 2)
end

-- Counts what happens in Redis and in no worker's commit, for whoever exports metrics: seldom, so a run pays nothing for it.
local function tally(...)
  local field = table.concat({ ... }, '\31')
  if redis.call('HEXISTS', P .. 'tally', field) == 0 and redis.call('HLEN', P .. 'tally') >= 5000 then return end
  redis.call('HINCRBY', P .. 'tally', field, 1)
end

-- Tells the feed of one run, whose record says how it ended; what its calls took is told once.
local function tell_ended(id, state)
  local key = P .. 'run:' .. id
  local r = redis.call('HMGET', key, 'actor', 'queue', 'group', 'attempt', 'queued_ms', 'due_ms', 'started_ms', 'first_ms', 'since_ms',
    'billed', 'reason')
  if not r[1] then return end
  tally('runs', r[1], r[2] or '', state)
  -- What began before it was sent anew was an attempt of then.
  local started = r[8] or (r[7] and tonumber(r[7]) >= tonumber(r[5] or 0) and r[7]) or ''
  feed_ended({ P .. 'ended', '*', 'e', ended_line(id, r[1], r[2] or '', state, r[4] or 0, r[9] or might_start(r[5] or 0, r[6]), started,
    r[3] or '', r[10] or '', string.sub(r[11] or '', 1, 80)) })
  if r[10] then redis.call('HDEL', key, 'billed') end
end

-- A run that started will do so again: when it first did, and since when it might have, is kept.
local function keep_start(id)
  local key = P .. 'run:' .. id
  local r = redis.call('HMGET', key, 'first_ms', 'started_ms', 'queued_ms', 'due_ms')
  if r[2] and not r[1] then redis.call('HSET', key, 'first_ms', r[2], 'since_ms', might_start(r[3] or r[2], r[4])) end
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
            tell_ended(child, 'cancelled')
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
  tell_ended(id, state)
  settle(id, state, now)
end
