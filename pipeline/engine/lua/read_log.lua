-- read_log(KEYS = [prefix], ARGV = [record, place]) -> {state, queued_ms, dropped, length, {entry after place ...}} | {state, queued_ms, dropped, length, {entry ...}, now_ms, fence, progress, {field, value ... of its texts}}
-- Takes the whole key of a record, of a run or a flow; the state of what is not there is empty. The second answer is for
-- a place that the log does not hold: all that it holds, and what was shown meanwhile, as of one moment.
local record, place = ARGV[1], tonumber(ARGV[2])
local r = redis.call('HMGET', record, 'dropped', 'state', 'queued_ms', 'fence', 'progress')
local dropped = tonumber(r[1] or 0)
local log = record .. ':log'
local length = redis.call('LLEN', log)
local out = { r[2] or '', tonumber(r[3] or 0), dropped, length }
if place >= dropped and place <= dropped + length then
  out[5] = redis.call('LRANGE', log, place - dropped, -1)
else
  out[5], out[6], out[7], out[8] = redis.call('LRANGE', log, 0, -1), now_ms(), tonumber(r[4] or 0), r[5] or ''
  out[9] = redis.call('HGETALL', record .. ':text')
end
return out
