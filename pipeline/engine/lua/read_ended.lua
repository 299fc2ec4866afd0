-- read_ended(KEYS = [prefix], ARGV = [position, count, name]) -> {name of this feed, cut, cut from ms, cut until ms, now_ms, runs in it, then id, {field, run ...} of each entry after position}
-- The feed of ended runs, a portion of at most `count` entries; an empty position reads none. A feed has a name for good,
-- `name` if it had none: a position is one in this feed, and says nothing about that of another Redis.
redis.call('SET', P .. 'ended:feed', ARGV[3], 'NX')
local cut = redis.call('HMGET', P .. 'ended:cut', 'runs', 'from_ms', 'until_ms')
local out = { redis.call('GET', P .. 'ended:feed'), tonumber(cut[1] or 0), tonumber(cut[2] or 0), tonumber(cut[3] or 0), now_ms(),
  tonumber(redis.call('GET', P .. 'ended:runs') or 0) }
if ARGV[1] ~= '' then
  for _, entry in ipairs(redis.call('XRANGE', P .. 'ended', '(' .. ARGV[1], '+', 'COUNT', ARGV[2])) do
    out[#out + 1] = entry[1]
    out[#out + 1] = entry[2]
  end
end
return out
