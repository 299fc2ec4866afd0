-- list_limits(KEYS = [prefix], ARGV = [name[=key] ...]) -> for each limit {name, settings as JSON or '', by hand 1 | 0, permits out, ms until a permit is free, ms until tokens are, lanes that wait, when they are looked at or -1}
-- needs _gates
-- Those that are named, or with none those that are set and those that something waits at.
local names, seen = {}, {}
local function add(name)
  if not seen[name] then
    seen[name] = true
    names[#names + 1] = name
  end
end
for _, name in ipairs(ARGV) do add(name) end
if #ARGV == 0 then
  for _, field in ipairs(redis.call('HKEYS', P .. 'limits')) do add(string.match(field, '^%a+:(.*)$')) end
  for _, gate in ipairs(redis.call('ZRANGE', P .. 'gates', 0, 999)) do
    if string.sub(gate, 1, 2) == 'l:' then add(string.sub(gate, 3)) end
  end
end
table.sort(names)
local out = {}
for _, name in ipairs(names) do
  local plain = string.match(name, '^[^=]*')
  local c = config('limits', name)
  local by_hand = redis.call('HEXISTS', P .. 'limits', 'set:' .. name) == 1 or redis.call('HEXISTS', P .. 'limits', 'set:' .. plain) == 1
  local starts, tokens = 0, 0
  if c and c.rate then starts = math.ceil((rate_wait(P .. 'rate:' .. name, c.rate, c.per_ms, c.burst, 1))) end
  if c and c.tokens then tokens = math.ceil((rate_wait(P .. 'tokens:' .. name, c.tokens, c.per_ms, c.token_burst, 1, true))) end
  local lanes = redis.call('ZCARD', P .. 'blocked:l:' .. name)
  out[#out + 1] = { name, c and cjson.encode(c) or '', by_hand and 1 or 0, in_use(P .. 'permits:' .. name, 1), starts, tokens,
    lanes, lanes > 0 and tonumber(redis.call('ZSCORE', P .. 'gates', 'l:' .. name) or -1) or -1 }
end
return out
