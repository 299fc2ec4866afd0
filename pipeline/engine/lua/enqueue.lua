-- enqueue(KEYS = [prefix], ARGV = [flow, flow_name, flow_last, then 14 a run]) -> the id of each run: its own, or of the run that came first under its key
-- A run's arguments: id, actor, queue, tier, group, number, delay_ms, deadline_ms, key, node, needs, feeds, correlation, message.
-- Sending the same ids again changes nothing. With a flow, all of its nodes come in one call and start together or not at all.
local now = now_ms()
local flow = ARGV[1]
local ids, woken = {}, {}
local seq = nil

if flow ~= '' then
  local key = P .. 'flow:' .. flow
  local total = (#ARGV - 3) / 14
  if redis.call('HSETNX', key, 'state', 'running') == 1 then
    redis.call('HSET', key, 'name', ARGV[2], 'total', total, 'pending', total, 'last', ARGV[3], 'queued_ms', now)
  end
end

for i = 4, #ARGV, 14 do
  local id, actor, queue, tier, group = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local number, delay, deadline, idem = ARGV[i + 5], tonumber(ARGV[i + 6]), ARGV[i + 7], ARGV[i + 8]
  local node, needs, feeds = ARGV[i + 9], tonumber(ARGV[i + 10]), ARGV[i + 11]
  local key = P .. 'run:' .. id
  local first = nil
  if redis.call('EXISTS', key) == 1 then
    first = id
  elseif idem ~= '' then
    first = redis.call('GET', P .. 'key:' .. actor .. ':' .. idem)
    if first then
      local state = redis.call('HGET', P .. 'run:' .. first, 'state')
      if not state or state == 'dead' or state == 'cancelled' then first = nil end
    end
  end
  if not first then
    local record = { 'message', ARGV[i + 13], 'actor', actor, 'queue', queue, 'tier', tier, 'group', group,
      'number', number, 'queued_ms', now }
    local function also(field, value)
      record[#record + 1] = field
      record[#record + 1] = value
    end
    if ARGV[i + 12] ~= '' then also('correlation', ARGV[i + 12]) end
    if deadline ~= '' then also('deadline_ms', deadline) end
    if idem ~= '' then
      also('key', idem)
      redis.call('SET', P .. 'key:' .. actor .. ':' .. idem, id)
    end
    if flow ~= '' then
      also('flow', flow)
      also('node', node)
      redis.call('HSET', P .. 'flow:' .. flow, 'run:' .. node, id)
    end
    if feeds ~= '' then also('feeds', feeds) end
    if needs > 0 then
      also('state', 'waiting')
      also('needs', needs)
    else
      also('state', 'queued')
      if delay > 0 then
        also('due_ms', now + delay)
        redis.call('ZADD', P .. 'delayed', now + delay, id)
        redis.call('SADD', P .. 'queues', queue)
        -- Idle workers sleep until the earliest due time they know; an earlier one must wake them.
        if redis.call('ZRANGE', P .. 'delayed', 0, 0)[1] == id then woken[queue] = true end
      else
        seq = seq or redis.call('INCRBY', P .. 'seq', (#ARGV - 3) / 14) - (#ARGV - 3) / 14
        local score = (number + 1000) * NUMBER + seq + (i - 4) / 14 + 1
        also('place', string.format('%.0f', score))
        place(id, queue, tier, group, score)
        woken[queue] = true
      end
    end
    redis.call('HSET', key, unpack(record))
  end
  ids[#ids + 1] = first or id
end
for queue in pairs(woken) do wake(queue) end
return ids
