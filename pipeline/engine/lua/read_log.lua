-- read_log(KEYS = [prefix], ARGV = [record, place]) -> {dropped, length, {entry after place ...}} | {dropped, length, {entry ...}, now_ms, state, fence, progress, {field, value ... of its texts}}
-- Takes the whole key of a record, of a run or a flow. The second answer is for a place that the log does not hold: all
-- that it holds, and what was shown meanwhile, as of one moment.
local record, place = ARGV[1], tonumber(ARGV[2])
local r = redis.call('HMGET', record, 'dropped', 'state', 'fence', 'progress')
local dropped = tonumber(r[1] or 0)
local log = record .. ':log'
local length = redis.call('LLEN', log)
if place >= dropped and place <= dropped + length then
  return { dropped, length, redis.call('LRANGE', log, place - dropped, -1) }
end
return { dropped, length, redis.call('LRANGE', log, 0, -1), now_ms(), r[2] or '', tonumber(r[3] or 0), r[4] or '',
  redis.call('HGETALL', record .. ':text') }
