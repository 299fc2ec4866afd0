-- settle(KEYS = [prefix], ARGV = [run, fence, call, model, outcome, ms, seconds, tokens taken of limits, tokens, micros, record, limits, limit ..., budget ..., actor]) -> {1 settled | 0 settled before, then the breakers that opened or closed, each a name and its state}
-- needs _gates
-- Ends what reserve began: what was used is charged and the rest given back, and the breakers hear how the call went.
-- outcome: ok | fail | down (the provider is out of reach) | none (says nothing about health) | limited (for `ms`) |
-- broken (the key or the account: the whole provider is passed over for `ms`).
local run, call, model, outcome, ms = ARGV[1], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
if not redis.call('SET', P .. 'settled:' .. call, 1, 'NX', 'PX', 600000) then return { 0 } end
redis.call('DEL', P .. 'reserved:' .. call)
local holder = run .. '|' .. ARGV[2] .. '|' .. call
local out = { 1 }

local seconds = tonumber(ARGV[7])

local function note(name, what, reason)
  heard(name, run, what, ms, seconds, reason, out)
end

local above = provider_of(model)
local reason = cjson.decode(ARGV[11]).outcome or ''
if outcome == 'broken' then
  note(above, 'broken', reason)
  note(model, 'none', reason)
elseif outcome == 'down' then
  note(model, 'fail', reason)
  if above ~= model then note(above, 'fail', reason) end
else
  note(model, outcome, reason)
  if above ~= model then note(above, outcome == 'ok' and 'ok' or 'none', reason) end
end

local tokens, micros = tonumber(ARGV[9]), ARGV[10]
local n = tonumber(ARGV[12])
for i = 13, 12 + n do
  local name = ARGV[i]
  local permits = P .. 'permits:' .. name
  redis.call('ZREM', permits, holder)
  for _, other in ipairs(redis.call('ZRANDMEMBER', permits, 2)) do -- a few of the dead at a time, though nobody waits
    if not living(other) then redis.call('ZREM', permits, other) end
  end
  reopen('l:' .. name)
  local c = config('limits', name)
  if c and c.tokens then
    local key = P .. 'tokens:' .. name
    local tat = tonumber(redis.call('GET', key) or 0) + (tokens - tonumber(ARGV[8])) * c.per_ms / c.tokens
    if tat > NOW then redis.call('SET', key, string.format('%.3f', tat), 'PX', math.ceil(tat - NOW)) else redis.call('DEL', key) end
  end
end
for i = 13 + n, #ARGV - 1 do
  local key = P .. ARGV[i]
  local m, t = string.match(redis.call('HGET', key .. ':held', holder) or '', '(%d+):(%d+)')
  if m then
    redis.call('HDEL', key .. ':held', holder)
    redis.call('HINCRBY', key, 'held_micros', -m)
    redis.call('HINCRBY', key, 'held_tokens', -t)
  end
  release_dead(key, redis.call('HRANDFIELD', key .. ':held', 2, 'WITHVALUES')) -- a few at a time, though nobody is short
  redis.call('HINCRBY', key, 'micros', micros)
  redis.call('HINCRBY', key, 'tokens', ARGV[9])
end
if outcome == 'ok' then
  local name = ARGV[#ARGV] .. '|' .. model
  local mean = tonumber(redis.call('HGET', P .. 'usage', name) or tokens)
  redis.call('HSET', P .. 'usage', name, math.ceil(mean + 0.1 * (tokens - mean)))
end
-- What the calls of a run took, by model, the one asked last at the end: told when the run ends. Of one that has ended it
-- is told at once.
local record = cjson.decode(ARGV[11])
local r = redis.call('HMGET', P .. 'run:' .. run, 'state', 'billed', 'queue', 'group')
local told, mine = {}, { 0, 0, 0, 0 }
local over = not r[1] or r[1] == 'completed' or r[1] == 'dead' or r[1] == 'cancelled'
for name, rest in string.gmatch(not over and r[2] or '', '([^\29\30]*)\29([^\30]*)') do
  if name == model then
    local at = 0
    for number in string.gmatch(rest, '%d+') do
      at = at + 1
      mine[at] = tonumber(number)
    end
  else
    told[#told + 1] = name .. '\29' .. rest
  end
end
told[#told + 1] = model .. string.format('\29%.0f\29%.0f\29%.0f\29%.0f', mine[1] + 1, mine[2] + (record.tokens_in or 0),
  mine[3] + (record.tokens_out or 0), mine[4] + tonumber(micros))
if not over then
  redis.call('HSET', P .. 'run:' .. run, 'billed', table.concat(told, '\30'), 'more', 1)
else
  feed_ended({ P .. 'ended', '*', 'e', ended_line(run, ARGV[#ARGV], r[3] or '', '-', 0, 0, '', r[4] or '', told[1], '') })
end
local calls = P .. 'run:' .. run .. ':calls'
redis.call('RPUSH', calls, ARGV[11])
redis.call('LTRIM', calls, -500, -1)
return out
