-- save_checkpoint(KEYS = [prefix], ARGV = [id, fence, step, value, replace]) -> 1 saved | 2 saved, and asked to stop | -1 refused: the lease is another's
-- What is there stays, unless it is to be replaced. A finished step is a sign of progress: the count of starts begins anew.
local key = P .. 'run:' .. ARGV[1]
local r = redis.call('HMGET', key, 'fence', 'state', 'starts', 'cancel')
if r[1] ~= ARGV[2] or r[2] ~= 'running' then return -1 end
redis.call(ARGV[5] == '1' and 'HSET' or 'HSETNX', key .. ':steps', ARGV[3], ARGV[4])
if r[3] ~= '1' then redis.call('HSET', key, 'starts', 1) end
return r[4] and 2 or 1
