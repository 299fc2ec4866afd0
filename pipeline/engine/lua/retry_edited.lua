-- retry_edited(KEYS = [prefix], ARGV = [old, new, message, gates, version, keep]) -> 1 the new run is queued | 0 the old one is not dead | -1 no such run | -2 it was edited before, and that run is there
-- Makes a run of its own from a dead one, with another payload, and links both. A `=` for gates or version takes the old
-- one's; `keep` is 1 if the new one goes on after the old one's finished steps.
local old, new, message = ARGV[1], ARGV[2], ARGV[3]
local from, to = P .. 'run:' .. old, P .. 'run:' .. new
if redis.call('EXISTS', to) == 1 then return 1 end
local names = { 'state', 'retried_as', 'key', 'gates', 'version', 'actor', 'queue', 'tier', 'group', 'number', 'correlation', 'patience_ms' }
local r = {}
for i, value in ipairs(redis.call('HMGET', from, unpack(names))) do r[names[i]] = value end
if not r.state then return -1 end
if r.state ~= 'dead' then return 0 end
if r.retried_as and redis.call('EXISTS', P .. 'run:' .. r.retried_as) == 1 then return -2 end
if redis.call('GET', P .. 'pressure') == '1' then return redis.error_reply('BACKPRESSURE Redis is nearly full: nothing new is accepted') end

local gates, version = ARGV[4], ARGV[5]
if gates == '=' then gates = r.gates end
if version == '=' then version = r.version end
local record = { 'message', message, 'retry_of', old, 'queued_ms', now_ms() }
local function also(field, value)
  if value and value ~= '' then
    record[#record + 1] = field
    record[#record + 1] = value
  end
end
redis.call('HSET', to, 'group', r.group or '') -- as of every run, be it empty
for i = 6, #names do also(names[i], r[names[i]]) end
also('gates', gates)
if version ~= '1' then also('version', version) end
if r.key then
  local name = P .. 'key:' .. r.actor .. ':' .. r.key
  local first = redis.call('GET', name)
  if not first or first == old then
    redis.call('SET', name, new)
    also('key', r.key)
  end
end
redis.call('HSET', to, unpack(record))
if ARGV[6] == '1' then redis.call('COPY', from .. ':steps', to .. ':steps') end
redis.call('HSET', from, 'retried_as', new)
emit(old, 'edited', cjson.encode({ run = new }))
line_up(new)
return 1
