-- lead_schedules(KEYS = [prefix], ARGV = [set, who, lease_ms]) -> {1 leads | 0 another does, now_ms, ms until the lease ends, who leads}
-- One of those who know the same set of schedules leads; a lease of nothing gives the lead up, and wakes one of the others.
local set, who, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local key = P .. 'schedulers'
local leader, ends = nil, nil
local held = redis.call('HGET', key, set)
if held then
  ends, leader = string.match(held, '^(%d+) (.*)$')
  ends = tonumber(ends)
  -- One that ends later than any can was written before the clock of Redis was set back.
  if ends <= NOW or ends > NOW + 60000 then leader = nil end
end
if lease == 0 then
  if leader == who then
    redis.call('HDEL', key, set)
    wake('schedules:' .. set)
    redis.call('PEXPIRE', P .. 'wake:schedules:' .. set, 60000)
  end
  return { 0, NOW, 0, '' }
end
if leader and leader ~= who then return { 0, NOW, ends - NOW, leader } end
if not leader then -- those that nobody has led for a day are not there any more
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if tonumber(string.match(all[i + 1], '^%d+')) < NOW - 86400000 then redis.call('HDEL', key, all[i]) end
  end
end
redis.call('HSET', key, set, string.format('%.0f %s', NOW + lease, who))
return { 1, NOW, lease, who }
