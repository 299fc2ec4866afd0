-- configure(KEYS = [prefix], ARGV = [kind, then field, value ...]) -> 1: in force at the next claim or call; an empty value removes the field
-- needs _gates
-- kind is limits, breakers or budgets; a field is declared:<name>, set:<name> or set:<name>=<key>.
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', P .. ARGV[1], ARGV[i])
  else
    redis.call('HSET', P .. ARGV[1], ARGV[i], ARGV[i + 1])
  end
  local name = string.match(ARGV[i], ':([^=]*)')
  for _, gate in ipairs(redis.call('ZRANGE', P .. 'gates', 0, 99)) do
    if string.match(gate, '^l:([^=]*)') == name then reopen(gate) end
  end
end
return 1
