-- report_progress(KEYS = [prefix], ARGV = [id, fence, progress]) -> 1 written | 2 written, and asked to stop | -1 refused: the lease is another's
-- The first report under a lease that is lower than what was shown is announced by a reset: an attempt started over.
local key = P .. 'run:' .. ARGV[1]
local r = redis.call('HMGET', key, 'fence', 'state', 'cancel', 'watched', 'reported', 'progress')
if r[1] ~= ARGV[2] or r[2] ~= 'running' then return -1 end
if r[5] ~= ARGV[2] then
  local function percent(report) return tonumber(report and string.match(report, '"percent":([%d.]+)') or 0) end
  if r[6] and percent(ARGV[3]) < percent(r[6]) then
    emit(ARGV[1], 'reset', '{"percent":' .. percent(ARGV[3]) .. ',"epoch":' .. ARGV[2] .. '}', r[4])
  end
  redis.call('HSET', key, 'progress', ARGV[3], 'reported', ARGV[2])
else
  redis.call('HSET', key, 'progress', ARGV[3])
end
-- Reports are many: of a long log the older half goes, and the count of what went keeps every id what it was.
local length = emit(ARGV[1], 'progress', ARGV[3], r[4])
if length > 1000 then
  redis.call('LTRIM', key .. ':log', -500, -1)
  redis.call('HINCRBY', key, 'dropped', length - 500)
end
return r[3] and 2 or 1
