-- count_running(KEYS = [prefix], ARGV = ['queue' | 'actor' | 'group', name]) -> how many of its runs a worker has in hand
local count = 0
for _, id in ipairs(redis.call('ZRANGE', P .. 'leases', 0, -1)) do
  if redis.call('HGET', P .. 'run:' .. id, ARGV[1]) == ARGV[2] then count = count + 1 end
end
return count
