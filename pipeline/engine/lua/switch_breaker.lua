-- switch_breaker(KEYS = [prefix], ARGV = [name, 'open' | 'close', ms, reason]) -> 1: opened for so long, or closed at once
-- needs _gates
local key = P .. 'breaker:' .. ARGV[1]
redis.call('DEL', key)
if ARGV[2] == 'open' then
  remember(ARGV[1], tonumber(ARGV[3]) + 86400000)
  redis.call('HSET', key, 'state', 'open', 'since_ms', NOW, 'until_ms', NOW + tonumber(ARGV[3]), 'reason', ARGV[4])
end
reopen_breaker(ARGV[1])
return 1
