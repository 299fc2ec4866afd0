-- report_progress(KEYS = [prefix], ARGV = [id, fence, progress]) -> 1 written | 2 written, and asked to stop | -1 refused: the lease is another's
local key = P .. 'run:' .. ARGV[1]
local r = redis.call('HMGET', key, 'fence', 'state', 'cancel')
if r[1] ~= ARGV[2] or r[2] ~= 'running' then return -1 end
redis.call('HSET', key, 'progress', ARGV[3])
-- Reports are many: of a long log the older half goes, and the count of what went keeps every id what it was.
local length = emit(ARGV[1], 'progress', ARGV[3])
if length > 1000 then
  redis.call('LTRIM', key .. ':log', -500, -1)
  redis.call('HINCRBY', key, 'dropped', length - 500)
end
return r[3] and 2 or 1
