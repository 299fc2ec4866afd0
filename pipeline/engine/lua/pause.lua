-- pause(KEYS = [prefix], ARGV = [what, 1 paused | 0 resumed]) -> 1 changed | 0 it was so
-- needs _gates
-- what is queue:<name>, actor:<name> or group:<name>. Nothing of it starts while it is paused; what runs goes on.
local kind, name = string.match(ARGV[1], '^(%a+):(.*)$')
local key = P .. 'paused'
local changed
if ARGV[2] == '1' then
  changed = redis.call('HSETNX', key, ARGV[1], NOW)
else
  changed = redis.call('HDEL', key, ARGV[1])
  if kind == 'group' then reopen('p:' .. name) end
  for _, queue in ipairs(redis.call('SMEMBERS', P .. 'queues')) do wake(queue) end
end
return changed
