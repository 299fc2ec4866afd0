-- cancel_run(KEYS = [prefix], ARGV = [id]) -> 'cancelled' | 'asked' (it is running, and stops at its next step) | its final state | false: no such run
local id = ARGV[1]
local key = P .. 'run:' .. id
local r = redis.call('HMGET', key, 'state', 'queue', 'tier', 'group', 'actor', 'gates')
local state = r[1]
if not state then return false end
if state == 'completed' or state == 'dead' or state == 'cancelled' then return state end
if state == 'running' then
  redis.call('HSET', key, 'cancel', 1)
  return 'asked'
end
local member = lane(r[3], r[4], r[6])
local line = P .. 'ready:' .. r[2] .. ':' .. member
redis.call('ZREM', line, id)
if redis.call('EXISTS', line) == 0 then redis.call('ZREM', P .. 'ready:' .. r[2], member) end
redis.call('ZREM', P .. 'review', id)
redis.call('ZREM', P .. 'waiting', id)
redis.call('ZREM', P .. 'delayed', id)
redis.call('ZREM', P .. 'parked:' .. r[5], id)
local now = now_ms()
redis.call('HSET', key, 'state', 'cancelled', 'reason', 'asked', 'finished_ms', now)
emit(id, 'cancelled', '{"reason":"asked"}')
finish(id, 'cancelled', now)
return 'cancelled'
