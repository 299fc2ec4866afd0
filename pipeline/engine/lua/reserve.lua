-- reserve(KEYS = [prefix], ARGV = [run, fence, call, model, tokens, micros, group, flow, actor]) -> {1, tokens taken of limits, limits, limit ..., budget ...} | {0, gate, ms to wait, 'wait' | 'stop'} | {-1}: the lease is another's
-- needs _gates
-- Asks for one call of a model: breakers, limits of calls, and budgets, all of them or nothing. What is reserved is given
-- back by settle, or by itself when the run's lease has ended.
local run, fence, call, model = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local tokens, micros = tonumber(ARGV[5]), tonumber(ARGV[6])
local r = redis.call('HMGET', P .. 'run:' .. run, 'fence', 'state')
if r[1] ~= fence or r[2] ~= 'running' then return { -1 } end
local before = redis.call('GET', P .. 'reserved:' .. call)
if before then return cjson.decode(before) end -- its reply was lost
local holder = run .. '|' .. fence .. '|' .. call
local places = { group = ARGV[7], flow = ARGV[8], actor = ARGV[9], model = model, provider = provider_of(model) }
local gate, wait, ends = nil, 0, 'wait'

local function refuse(name, ms, how)
  if ms > wait then gate, wait, ends = name, ms, how or 'wait' end
end

local first, breaker = model_wait(model, run)
if first > 0 then refuse('b:' .. breaker, first) end

-- Of a limit it takes what calls like this one took so far, and not the most it could: the rest would go unused.
local expected = expected_tokens(places, tokens)
local limits = counting('limits', places)
local longest, limit = calls_wait(limits, expected)
if limit then refuse(limit, longest) end

local budgets = {}
for _, name in ipairs(counting('budgets', places)) do
  local c = config('budgets', name)
  local window = c.per_ms > 0 and math.floor(NOW / c.per_ms) or 0
  local key = P .. 'budget:' .. name .. ':' .. string.format('%.0f', window)
  local function short()
    local b = redis.call('HMGET', key, 'micros', 'held_micros', 'tokens', 'held_tokens')
    for j = 1, 4 do b[j] = tonumber(b[j] or 0) end
    if (c.micros and b[1] + b[2] + math.max(0, micros) > c.micros) or (c.tokens and b[3] + b[4] + tokens > c.tokens) then
      -- Free again soon, if only others' reservations are in the way.
      return (not c.micros or b[1] + micros <= c.micros) and (not c.tokens or b[3] + tokens <= c.tokens) and 1 or 2
    end
  end
  if c.micros and micros < 0 then refuse('u:' .. name, 1, 'stop') end -- what nobody knows the price of cannot be allowed
  local why = short()
  if why then
    release_dead(key, redis.call('HGETALL', key .. ':held'))
    why = short()
  end
  if why == 1 then
    refuse('m:' .. name, 500)
  elseif why then
    local never = (c.micros and micros > c.micros) or (c.tokens and tokens > c.tokens) or c.per_ms == 0
    refuse('m:' .. name, c.per_ms > 0 and (window + 1) * c.per_ms - NOW + 1 or 3600000, never and 'stop' or c['then'])
  end
  -- One budget for each of several is found again by those who list them.
  local index = c.by ~= '' and P .. 'budget:' .. string.match(name, '^[^=]*') .. ':' .. string.format('%.0f', window) .. ':keys'
  budgets[#budgets + 1] = { key, c.per_ms, index, name }
end

if gate then return { 0, gate, math.ceil(wait), ends } end

model_take(model, run)
local out = { 1, expected, #limits }
for _, name in ipairs(limits) do
  local c = config('limits', name)
  if c.rate then rate_take(P .. 'rate:' .. name, c.rate, c.per_ms, c.burst, 1) end
  if c.tokens then rate_take(P .. 'tokens:' .. name, c.tokens, c.per_ms, c.token_burst, expected, true) end
  if c.concurrency then redis.call('ZADD', P .. 'permits:' .. name, NOW, holder) end
  redis.call('HDEL', P .. 'shut', 'l:' .. name)
  out[#out + 1] = name
end
for _, budget in ipairs(budgets) do
  local key = budget[1]
  micros = math.max(0, micros)
  if redis.call('HSETNX', key .. ':held', holder, string.format('%.0f:%.0f', micros, tokens)) == 1 then
    redis.call('HINCRBY', key, 'held_micros', string.format('%.0f', micros))
    redis.call('HINCRBY', key, 'held_tokens', string.format('%.0f', tokens))
  end
  if budget[3] then
    redis.call('ZADD', budget[3], NOW, budget[4])
    if budget[2] > 0 then redis.call('PEXPIRE', budget[3], 2 * budget[2] + 3600000) end
  end
  if budget[2] > 0 then
    redis.call('PEXPIRE', key, 2 * budget[2] + 3600000)
    redis.call('PEXPIRE', key .. ':held', 2 * budget[2] + 3600000)
  end
  out[#out + 1] = string.sub(key, #P + 1)
end
redis.call('SET', P .. 'reserved:' .. call, cjson.encode(out), 'PX', 60000)
return out
