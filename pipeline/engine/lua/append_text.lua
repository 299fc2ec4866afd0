-- append_text(KEYS = [prefix], ARGV = [id, fence, stream, offset, text]) -> 1 written | 2 written, and asked to stop | 0 less than `offset` is there: send it from an earlier place | -1 refused: the lease is another's
-- Offsets count characters. What is there at `offset` and equal stays as it is, so a call made twice, or by an attempt
-- that says the same again, changes nothing. What differs is cut off, and a reset says so before the new text is told.
-- An empty text says that the text ends at `offset`: what an earlier attempt wrote beyond it goes.
local PIECE = 1024 -- characters of a piece: an append writes no more than one of them anew
local id, stream, offset, text = ARGV[1], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local key = P .. 'run:' .. id
local r = redis.call('HMGET', key, 'fence', 'state', 'cancel', 'watched')
if r[1] ~= ARGV[2] or r[2] ~= 'running' then return -1 end
local texts = key .. ':text'
local have = tonumber(redis.call('HGET', texts, stream) or 0)
if offset > have then return 0 end

local function count(s)
  local _, n = string.gsub(s, '[^\128-\191]', '')
  return n
end

-- The byte that is n characters behind byte `at`.
local function behind(s, at, n)
  for _ = 1, n do
    local b = string.byte(s, at)
    if not b then break end
    at = at + (b < 128 and 1 or b < 224 and 2 or b < 240 and 3 or 4)
  end
  return at
end

local function piece(n) return redis.call('HGET', texts, stream .. '/' .. n) or '' end

local function tell(event, data)
  data.stream, data.epoch = stream, tonumber(ARGV[2])
  local length = emit(id, event, cjson.encode(data), r[4])
  if length > 1000 then
    redis.call('LTRIM', key .. ':log', -500, -1)
    redis.call('HINCRBY', key, 'dropped', length - 500)
  end
end

if offset < have then
  local first, last = math.floor(offset / PIECE), math.floor((have - 1) / PIECE)
  local there = piece(first)
  local cut = behind(there, 1, offset - first * PIECE)
  local kept = string.sub(there, 1, cut - 1)
  there = { string.sub(there, cut) }
  for n = first + 1, last do there[#there + 1] = piece(n) end
  there = table.concat(there)
  if text ~= '' and string.sub(there, 1, #text) == text then
    text = ''
  elseif text ~= '' and string.sub(text, 1, #there) == there then
    offset, text = have, string.sub(text, #there + 1)
  else
    for n = first + 1, last do redis.call('HDEL', texts, stream .. '/' .. n) end
    redis.call('HSET', texts, stream, offset, stream .. '/' .. first, kept)
    tell('reset', { to = offset })
  end
end

if text ~= '' then
  local n, at, length = math.floor(offset / PIECE), 1, offset + count(text)
  local last, room = piece(n), PIECE - offset % PIECE
  while at <= #text do
    local stop = behind(text, at, room)
    redis.call('HSET', texts, stream .. '/' .. n, last .. string.sub(text, at, stop - 1))
    n, at, last, room = n + 1, stop, '', PIECE
  end
  redis.call('HSET', texts, stream, length)
  tell('text', { at = offset, text = text })
end
return r[3] and 2 or 1
