-- pause_schedule(KEYS = [prefix], ARGV = [name, 1 paused | 0 resumed, now_ms]) -> 1 changed | 0 it was so | -1 unknown
-- What comes due while a schedule is paused is passed over: it begins again with the first tick after the resumption.
local key = P .. 'schedule:' .. ARGV[1]
local s = redis.call('HMGET', key, 'last_ms', 'paused_ms')
if not s[1] then return -1 end
if ARGV[2] == '1' then return redis.call('HSETNX', key, 'paused_ms', ARGV[3]) end
if not s[2] then return 0 end
redis.call('HDEL', key, 'paused_ms')
if tonumber(ARGV[3]) > tonumber(s[1]) then redis.call('HSET', key, 'last_ms', ARGV[3]) end
return 1
