-- enqueue(KEYS = [prefix], ARGV = [flow, flow_name, flow_last, runs, then each run's]) -> the id of each run: its own, or of the run that came first under its key
-- needs _accept
-- A run's arguments are those of _accept.lua. Sending the same ids again changes nothing. With a flow, all of its nodes come
-- in one call and start together or not at all.
local flow, total = ARGV[1], tonumber(ARGV[4])
local ids = {}

if redis.call('EXISTS', P .. 'run:' .. ARGV[5]) == 0 and nearly_full(total, 5) then
  return redis.error_reply('BACKPRESSURE Redis is nearly full: nothing new is accepted')
end

if flow ~= '' then
  local key = P .. 'flow:' .. flow
  if redis.call('HSETNX', key, 'state', 'running') == 1 then
    redis.call('HSET', key, 'name', ARGV[2], 'total', total, 'pending', total, 'last', ARGV[3], 'queued_ms', NOW)
  end
end

local i = 5
while i <= #ARGV do
  ids[#ids + 1], i = accept(i, total, flow)
end
for queue in pairs(WOKEN) do wake(queue) end
return ids
