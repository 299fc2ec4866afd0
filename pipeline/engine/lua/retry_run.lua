-- retry_run(KEYS = [prefix], ARGV = [id]) -> 1 queued again with its attempts and waits anew, its finished steps kept | 0 it is not dead | -1 no such run
local id = ARGV[1]
local key = P .. 'run:' .. id
local state = redis.call('HGET', key, 'state')
if not state then return -1 end
if state ~= 'dead' then return 0 end
redis.call('ZREM', P .. 'finished:dead', id)
redis.call('HSET', key, 'attempt', 0, 'starts', 0, 'snoozes', 0, 'queued_ms', now_ms())
redis.call('HDEL', key, 'finished_ms', 'reason', 'deadline_ms', 'cancel', 'due_ms', 'waited_ms', 'timeouts', 'review',
  'first_ms', 'since_ms')
line_up(id)
emit(id, 'queued', '{"reason":"retried"}')
return 1
