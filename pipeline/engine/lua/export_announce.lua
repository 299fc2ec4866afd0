-- export_announce(KEYS = [prefix], ARGV = [worker, what it serves as JSON or '' to withdraw, then <kind> <name> ...]) -> how many workers are announced
-- A worker says which queues it serves, and which actors and models it knows: of these names metrics may speak.
local DAYS30, GONE = 30 * 86400000, 600000
if ARGV[2] == '' then
  redis.call('HDEL', P .. 'serving', ARGV[1])
else
  redis.call('HSET', P .. 'serving', ARGV[1], ARGV[2])
end
for i = 3, #ARGV do redis.call('ZADD', P .. 'served', NOW, ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', P .. 'served', '-inf', NOW - DAYS30)
redis.call('ZREMRANGEBYRANK', P .. 'served', 0, -5001)
-- A worker that was killed did not withdraw; whoever was away with Redis announces itself again.
for _, worker in ipairs(redis.call('HRANDFIELD', P .. 'serving', 10)) do
  local seen = tonumber(redis.call('ZSCORE', P .. 'workers', worker) or 0)
  if worker ~= ARGV[1] and seen < NOW - GONE then redis.call('HDEL', P .. 'serving', worker) end
end
return redis.call('HLEN', P .. 'serving')
