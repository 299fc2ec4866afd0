-- discard_run(KEYS = [prefix], ARGV = [id]) -> 1 removed for good | 0 it is not in a final state | -1 no such run
local id = ARGV[1]
local key = P .. 'run:' .. id
local r = redis.call('HMGET', key, 'state', 'actor', 'key')
if not r[1] then return -1 end
if r[1] ~= 'dead' and r[1] ~= 'completed' and r[1] ~= 'cancelled' then return 0 end
redis.call('ZREM', P .. 'finished:' .. r[1], id)
if r[3] then forget_key(r[2], r[3], id) end
redis.call('UNLINK', key, key .. ':log', key .. ':steps', key .. ':errors', key .. ':text', key .. ':calls', key .. ':children')
return 1
