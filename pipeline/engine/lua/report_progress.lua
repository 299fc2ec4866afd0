-- report_progress(KEYS = [prefix], ARGV = [id, fence, progress]) -> 1 written | 2 written, and asked to stop | -1 refused: the lease is another's
local key = P .. 'run:' .. ARGV[1]
local r = redis.call('HMGET', key, 'fence', 'state', 'cancel')
if r[1] ~= ARGV[2] or r[2] ~= 'running' then return -1 end
redis.call('HSET', key, 'progress', ARGV[3])
emit(ARGV[1], 'progress', ARGV[3])
return r[3] and 2 or 1
