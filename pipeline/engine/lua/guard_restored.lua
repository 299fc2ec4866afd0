-- guard_restored(KEYS = [prefix], ARGV = [taken_ms, ask, run ...]) -> {a run that was running ...}
-- Runs that have just been put back from a copy of `taken_ms`. Whoever held one of them since then must not write to it
-- now: its fence is raised beyond any number it can have had. With `ask` 1 a run that may have gone on after the copy was
-- taken is marked: an effect it knows nothing of may have happened (pipeline/effect.py).
local now = now_ms()
local beyond = math.floor(now / 1000) - 1577836800 -- seconds since 2020: more with every restore
local running = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local key = P .. 'run:' .. id
  local r = redis.call('HMGET', key, 'state', 'fence', 'due_ms')
  local state = r[1]
  if state and state ~= 'completed' and state ~= 'dead' and state ~= 'cancelled' then
    redis.call('HSET', key, 'fence', tonumber(r[2] or 0) + beyond, 'more', 1)
    if state == 'running' then running[#running + 1] = id end
    local later = state ~= 'running' and r[3] and tonumber(r[3]) > now
    if ARGV[2] == '1' and not later then
      redis.call('HSET', key .. ':steps', '~restored', string.format('{"taken_ms":%.0f,"at_ms":%.0f}', ARGV[1], now))
    end
  end
end
return running
