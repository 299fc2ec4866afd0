-- list_budgets(KEYS = [prefix], ARGV = [name[=key] ...]) -> for each budget {name, settings as JSON, by hand 1 | 0, micros used, tokens used, micros reserved, tokens reserved, when its period ends or -1}
-- needs _gates
-- Those that are named, or with none those that are set; of a budget for each of several the ones that were used in this
-- period, the latest first.
local names, seen = {}, {}
local function add(name)
  if not seen[name] then
    seen[name] = true
    names[#names + 1] = name
  end
end
local function window_of(c) return c.per_ms > 0 and math.floor(NOW / c.per_ms) or 0 end
for _, name in ipairs(ARGV) do add(name) end
if #ARGV == 0 then
  for _, field in ipairs(redis.call('HKEYS', P .. 'budgets')) do
    local name = string.match(field, '^%a+:(.*)$')
    local plain = string.match(name, '^[^=]*')
    add(name)
    local c = config('budgets', plain)
    if c and c.by ~= '' then
      local index = P .. 'budget:' .. plain .. ':' .. string.format('%.0f', window_of(c)) .. ':keys'
      for _, one in ipairs(redis.call('ZREVRANGE', index, 0, 499)) do add(one) end
    end
  end
end
local out = {}
for _, name in ipairs(names) do
  local c = config('budgets', name)
  if c then
    local plain = string.match(name, '^[^=]*')
    local by_hand = redis.call('HEXISTS', P .. 'budgets', 'set:' .. name) == 1 or redis.call('HEXISTS', P .. 'budgets', 'set:' .. plain) == 1
    local key = P .. 'budget:' .. name .. ':' .. string.format('%.0f', window_of(c))
    local b = redis.call('HMGET', key, 'micros', 'tokens', 'held_micros', 'held_tokens')
    for j = 1, 4 do b[j] = tonumber(b[j] or 0) end
    out[#out + 1] = { name, cjson.encode(c), by_hand and 1 or 0, b[1], b[2], b[3], b[4],
      c.per_ms > 0 and (window_of(c) + 1) * c.per_ms or -1 }
  end
end
return out
