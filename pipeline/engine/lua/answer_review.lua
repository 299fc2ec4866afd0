-- answer_review(KEYS = [prefix], ARGV = [id, asked_ms, ticket, verdict, step, value, told, why]) -> 1 answered | 0 answered before, with this ticket | -1 no such run | -2 it is not in review | -3 it was put up anew since `asked_ms`
-- A person's answer. verdict is go: `value` is kept as the checkpoint `step`, and the run gets in line; or reject: the
-- run is dead, and `why` says so. `told` is the event's data, a JSON object.
local id = ARGV[1]
local key = P .. 'run:' .. id
local r = redis.call('HMGET', key, 'state', 'answered')
if not r[1] then return -1 end
if r[2] == ARGV[3] then return 0 end
if r[1] ~= 'review' then return -2 end
if tonumber(redis.call('ZSCORE', P .. 'review', id) or 0) ~= tonumber(ARGV[2]) then return -3 end

redis.call('ZREM', P .. 'review', id)
redis.call('HSET', key, 'answered', ARGV[3])
emit(id, 'reviewed', ARGV[7])
if ARGV[4] == 'go' then
  redis.call('HSET', key .. ':steps', ARGV[5], ARGV[6])
  redis.call('HDEL', key, 'review', 'reason')
  line_up(id)
else
  local now = now_ms()
  local reason = 'rejected: ' .. ARGV[8]
  redis.call('HSET', key, 'state', 'dead', 'reason', reason, 'finished_ms', now)
  redis.call('RPUSH', key .. ':errors', cjson.encode({ kind = 'review', at_ms = now, message = reason }))
  emit(id, 'dead', cjson.encode({ reason = reason }))
  finish(id, 'dead', now)
end
return 1
