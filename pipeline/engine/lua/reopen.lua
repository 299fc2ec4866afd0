-- reopen(KEYS = [prefix], ARGV = [flow, keep_steps, reason, then id, message ...]) -> how many runs begin anew | 0 one of them has not ended | -1 one of them, or the flow, is not there
-- Begins ended runs anew, and in a flow everything that was made from them: what one of these had as its input is waited
-- for again. The runs named keep their finished steps if told to, and get the new message if one is given.
local now = now_ms()
local flow, reason = ARGV[1], ARGV[3]
local record = P .. 'flow:' .. flow
if flow ~= '' and redis.call('EXISTS', record) == 0 then return -1 end

local set, order, needs, message = {}, {}, {}, {}
for i = 4, #ARGV, 2 do
  order[#order + 1] = ARGV[i]
  set[ARGV[i]] = true
  message[ARGV[i]] = ARGV[i + 1]
end
local named = #order
local at = 1
while order[at] do
  local r = redis.call('HMGET', P .. 'run:' .. order[at], 'state', 'feeds')
  if not r[1] then return -1 end
  local ended = r[1] == 'completed' or r[1] == 'dead' or r[1] == 'cancelled'
  if not ended and (at <= named or r[1] ~= 'waiting') then return 0 end
  for child in string.gmatch(flow ~= '' and r[2] or '', '(%S+):[01]') do
    needs[child] = (needs[child] or 0) + 1
    if not set[child] then
      set[child] = true
      order[#order + 1] = child
    end
  end
  at = at + 1
end

for place, id in ipairs(order) do
  local key = P .. 'run:' .. id
  local r = redis.call('HMGET', key, 'state', 'node', 'feeds', 'needs')
  redis.call('ZREM', P .. 'finished:' .. r[1], id)
  redis.call('HDEL', key, 'finished_ms', 'reason', 'deadline_ms', 'cancel', 'result', 'degraded', 'review', 'first_ms', 'since_ms')
  redis.call('HSET', key, 'attempt', 0, 'starts', 0, 'snoozes', 0, 'waited_ms', 0, 'timeouts', 0, 'queued_ms', now)
  if place > named or ARGV[2] ~= '1' then redis.call('UNLINK', key .. ':steps', key .. ':text') end
  if (message[id] or '') ~= '' then redis.call('HSET', key, 'message', message[id]) end
  for child in string.gmatch(flow ~= '' and r[3] or '', '(%S+):[01]') do
    redis.call('HDEL', P .. 'run:' .. child, 'in:' .. id)
  end
  if flow ~= '' and r[2] and redis.call('HDEL', record, 'node:' .. r[2]) == 1 then
    redis.call('HINCRBY', record, 'pending', 1)
    if r[1] ~= 'completed' then redis.call('HINCRBY', record, 'failed', -1) end
  end
  local waits = (needs[id] or 0) + (r[1] == 'waiting' and tonumber(r[4] or 0) or 0)
  if waits > 0 then
    redis.call('HSET', key, 'state', 'waiting', 'needs', waits)
    redis.call('ZADD', P .. 'waiting', now, id)
  else
    line_up(id)
  end
  emit(id, 'queued', cjson.encode({ reason = reason }))
end
if flow ~= '' then
  redis.call('HSET', record, 'state', 'running')
  redis.call('HDEL', record, 'finished_ms')
  redis.call('ZREM', P .. 'finished:flows', flow)
  append(record .. ':log', 'reopened', cjson.encode({ reason = reason, runs = #order }))
end
return #order
