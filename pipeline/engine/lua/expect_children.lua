-- expect_children(KEYS = [prefix], ARGV = [id, fence, name, total]) -> 1 expected | -1 refused: the lease is another's
-- A run will wait for so many runs that feed it; expecting them again under the same name changes nothing.
local key = P .. 'run:' .. ARGV[1]
local r = redis.call('HMGET', key, 'fence', 'state')
if r[1] ~= ARGV[2] or r[2] ~= 'running' then return -1 end
if redis.call('HSETNX', key, 'await:' .. ARGV[3], ARGV[4]) == 1 then
  redis.call('HINCRBY', key, 'needs', ARGV[4])
  redis.call('HINCRBY', key, 'brood', ARGV[4])
end
return 1
