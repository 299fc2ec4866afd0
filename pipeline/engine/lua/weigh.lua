-- weigh(KEYS = [prefix], ARGV = [group, share]) -> 1: how much of its turns a group gets from the next claim on; 1 is the usual
if tonumber(ARGV[2]) == 1 then
  redis.call('HDEL', P .. 'weight', ARGV[1])
else
  redis.call('HSET', P .. 'weight', ARGV[1], ARGV[2])
end
return 1
