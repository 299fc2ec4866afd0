-- requeue_restored(KEYS = [prefix], ARGV = [run ...]) -> how many went back in line
-- Runs that were running when the copy was taken go back where they stood: their workers are gone, and it was not their
-- fault. Every queue is told that there is work.
local count = 0
for _, id in ipairs(ARGV) do
  local key = P .. 'run:' .. id
  local r = redis.call('HMGET', key, 'state', 'starts', 'queue', 'tier', 'group', 'gates', 'place')
  redis.call('ZREM', P .. 'leases', id)
  if r[1] == 'running' then
    count = count + 1
    keep_start(id)
    redis.call('HSET', key, 'state', 'queued', 'starts', math.max(0, tonumber(r[2] or 1) - 1), 'reason', 'restored')
    place(id, r[3], r[4], r[5], r[6], r[7])
    emit(id, 'interrupted', '{"reason":"restored"}')
  end
end
for _, queue in ipairs(redis.call('SMEMBERS', P .. 'queues')) do wake(queue) end
return count
