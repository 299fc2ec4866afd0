-- renew(KEYS = [prefix], ARGV = [worker, lease_ms, then id, fence ...]) -> {id, 'lost' | 'cancelled' ...}
-- Extends every lease of a process in one call, and says which runs it no longer owns or should stop.
local now = now_ms()
local ends = now + tonumber(ARGV[2])
local out, leased = {}, {}
redis.call('ZADD', P .. 'workers', now, ARGV[1])
for i = 3, #ARGV, 2 do
  local r = redis.call('HMGET', P .. 'run:' .. ARGV[i], 'fence', 'state', 'worker', 'cancel')
  if r[1] ~= ARGV[i + 1] or r[2] ~= 'running' or r[3] ~= ARGV[1] then
    out[#out + 1] = ARGV[i]
    out[#out + 1] = 'lost'
  else
    leased[#leased + 1] = ends
    leased[#leased + 1] = ARGV[i]
    if r[4] then
      out[#out + 1] = ARGV[i]
      out[#out + 1] = 'cancelled'
    end
  end
end
if #leased > 0 then redis.call('ZADD', P .. 'leases', unpack(leased)) end
return out
