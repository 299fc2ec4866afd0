-- watch_logs(KEYS = [prefix], ARGV = [record ...]) -> 1: from now on every entry of their logs is announced
-- Takes whole keys of records (runs and flows), all under the prefix; one that is gone stays gone.
for _, record in ipairs(ARGV) do
  if redis.call('EXISTS', record) == 1 then redis.call('HSET', record, 'watched', 1) end
end
return 1
