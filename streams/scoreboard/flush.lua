-- Write one chunk of one partition's changes into its shard: all of it or, when the partition's pulse
-- is not the one expected, nothing.
-- Answers the version found before the call (0: none). A retry, a replay or a replaced worker therefore moves nothing back.
-- Everything that can fail comes before the first write; every write but the two capped streams is absolute.
--
-- KEYS  board, users, history, spread, updates, pulse, alerts, networks, influence, topics, user_alerts, search, ids, the board of
--       each network that is written, and that of each topic, first of those in list 19, then of those in list 20
-- ARGV  1 partition        5 [user, record, ...]      9 [user, alert JSON, ...], '' for nobody
--       2 version          6 [bin, count, ...]       10 '1': forget the old histogram first
--       3 pulse JSON       7 updates JSON or ''   11-12 updates, alerts kept
--       4 [score, user, ...]  8 [user, closes, ...]  13 the version that must be found; '': any older one
--         who is on the overall board alone          14 [user, ...] who leave the overall board
--      15 networks that may have a board                  16 [user, topics and people, ...]
--      17-18 topics that may have a board, users on each   19 [topic, [place, user, ...], ...] in the order of their keys
--      20 [topic, [user, ...], ...] who leave its board, in the order of their keys
--      21 networks that are written
--      22 and so on, for each network: its name, [score, user, ...] of those on the overall board and its own, and of those
--         on its own alone. A network beyond those that may has no board: its users are on the overall one alone.
--      the last three: alerts kept of one user; of users new to Redis [0, member of search, ...] and [numeric id, user, ...]
-- Lists are MessagePack without its bin type, which Redis does not know; '' is an empty list.

local board, users, history, spread, updates, pulse, alerts, networks, influence, topics, user_alerts = unpack(KEYS, 1, 11)
local search, ids = KEYS[12], KEYS[13]
local first, after = 14, 14 + tonumber(ARGV[21]) -- places in KEYS of the first network's board, of the first topic's
local version = tonumber(ARGV[2])

local found = 0
local before = redis.call('HGET', pulse, ARGV[1])
if before then
  -- A pulse that nobody can read counts as none: the caller sees 0 and writes its partition again.
  local ok, value = pcall(cjson.decode, before)
  if ok and type(value) == 'table' then found = tonumber(value.version) or 0 end
end
if found >= version or (ARGV[13] ~= '' and found ~= tonumber(ARGV[13])) then return found end

local function list(i)
  if ARGV[i] == '' then return {} end
  return cmsgpack.unpack(ARGV[i])
end

-- A foreign key under one of our names is found here and not half-way through.
local kinds = { 'zset', 'hash', 'hash', 'hash', 'stream', 'hash', 'stream', 'hash', 'hash', 'zset', 'hash', 'zset', 'hash' }
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  local wanted = kinds[i] or 'zset'
  if kind ~= 'none' and kind ~= wanted then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. kind .. ', expected a ' .. wanted .. ': choose another prefix')
  end
end

local records, bins, closes, alarms, left = list(5), list(6), list(8), list(9), list(14)
local about, of_topics, off_topics = list(16), list(19), list(20)
local most_alarms, to_find, of_ids = tonumber(ARGV[#ARGV - 2]), list(#ARGV - 1), list(#ARGV)
local places = {} -- lists of scores, each with the keys of the boards it is for
local function place(scores, ...)
  if #scores > 0 then places[#places + 1] = { scores, { ... } } end
end
local new, count = {}, nil -- networks that get a board with this call, and how many have one
place(list(4), board)
for i = first, after - 1 do
  local at = 23 + 3 * (i - first)
  local name = ARGV[at - 1]
  local has = redis.call('HEXISTS', networks, name) == 1
  if not has then
    count = count or redis.call('HLEN', networks)
    has = count < tonumber(ARGV[15])
    if has then count, new[#new + 1], new[#new + 2] = count + 1, name, 1 end
  end
  if has then
    place(list(at), board, KEYS[i])
    place(list(at + 1), KEYS[i])
  else
    place(list(at), board)
  end
end

-- First the boards: ZADD reads all scores before it writes any, so a score that is no number stops the call here. Of several
-- lists only the first would stop it before a write, so then they are looked through.
for i = 2, #places do
  local scores = places[i][1]
  for j = 1, #scores, 2 do
    if type(scores[j]) ~= 'number' or scores[j] ~= scores[j] then return redis.error_reply('ERR value is not a valid float') end
  end
end
for _, one in ipairs(places) do
  for _, key in ipairs(one[2]) do redis.call('ZADD', key, unpack(one[1])) end
end
if #left > 0 then redis.call('ZREM', board, unpack(left)) end
if #new > 0 then redis.call('HSET', networks, unpack(new)) end
if #records > 0 then redis.call('HSET', users, unpack(records)) end
if ARGV[10] == '1' then redis.call('DEL', spread) end
if #bins > 0 then redis.call('HSET', spread, unpack(bins)) end
if #closes > 0 then redis.call('HSET', history, unpack(closes)) end
for i = 1, #to_find, 4000 do redis.call('ZADD', search, unpack(to_find, i, math.min(i + 3999, #to_find))) end
if #of_ids > 0 then redis.call('HSET', ids, unpack(of_ids)) end
if #about > 0 then redis.call('HSET', influence, unpack(about)) end
for i = 1, #off_topics, 2 do -- first, which makes room
  local key = KEYS[after + (#of_topics + i - 1) / 2]
  if redis.call('ZREM', key, unpack(off_topics[i + 1])) > 0 then
    local highest = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
    if highest then redis.call('ZADD', topics, 'XX', highest, off_topics[i]) else redis.call('ZREM', topics, off_topics[i]) end
  end
end
for i = 1, #of_topics, 2 do
  local name, places, key = of_topics[i], of_topics[i + 1], KEYS[after + (i - 1) / 2]
  local highest = places[1]
  for j = 3, #places, 2 do highest = math.max(highest, places[j]) end
  local has = redis.call('ZSCORE', topics, name)
  if not has and redis.call('ZCARD', topics) >= tonumber(ARGV[17]) then -- the lowest makes room for one that is higher
    local lowest = redis.call('ZRANGE', topics, 0, 0, 'WITHSCORES')
    if tonumber(lowest[2]) < highest then
      redis.call('ZREM', topics, lowest[1])
      redis.call('DEL', topics .. ':' .. lowest[1])
      has = true
    end
  else
    has = true
  end
  if has then
    redis.call('ZADD', topics, 'GT', highest, name)
    redis.call('ZADD', key, unpack(places))
    redis.call('ZREMRANGEBYRANK', key, 0, -1 - tonumber(ARGV[18]))
  end
end
if ARGV[7] ~= '' then redis.call('XADD', updates, 'MAXLEN', '~', ARGV[11], '*', 'batch', ARGV[7]) end
for i = 1, #alarms, 2 do
  local user, alarm = alarms[i], alarms[i + 1]
  redis.call('XADD', alerts, 'MAXLEN', '~', ARGV[12], '*', 'alert', alarm)
  if user ~= '' then
    -- JSON has no bare line break, so one parts the alerts of the array: decoded and encoded again, numbers would lose digits.
    local kept, count = { alarm }, 1
    for one in string.gmatch(string.sub(redis.call('HGET', user_alerts, user) or '', 2, -2), '[^\n]+') do
      one = string.gsub(one, ',$', '')
      if one ~= alarm and count < most_alarms then kept[#kept + 1], count = one, count + 1 end
    end
    redis.call('HSET', user_alerts, user, '[' .. table.concat(kept, ',\n') .. ']')
  end
end
redis.call('HSET', pulse, ARGV[1], ARGV[3])
return found
