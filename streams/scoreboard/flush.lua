-- Write one chunk of one partition's changes into its shard: all of it or, when the partition's pulse
-- is not the one expected, nothing.
-- Answers the version found before the call (0: none). A retry, a replay or a replaced worker therefore moves nothing back.
-- Everything that can fail comes before the first write; every write but the two capped streams is absolute.
--
-- KEYS  board, users, history, spread, updates, pulse, alerts, networks, the board of each network that is written
-- ARGV  1 partition        5 [user, record, ...]      9 [user, score as text, ...] (closes)
--       2 version          6 [bin, count, ...]       10 [alert JSON, ...]
--       3 pulse JSON       7 updates JSON or ''      11 '1': forget the old histogram first
--       4 [score, user, ...]  8 day of the closes    12-14 closes, updates, alerts kept
--         who is on the overall board alone          15 the version that must be found; '': any older one
--      16 [user, ...] who leave the overall board    17 networks that may have a board
--      18 and so on, for each network: its name, [score, user, ...] of those on the overall board and its own, and of those
--         on its own alone. A network beyond those that may has no board: its users are on the overall one alone.
-- Lists are MessagePack without its bin type, which Redis does not know; '' is an empty list.

local board, users, history, spread, updates, pulse, alerts, networks = unpack(KEYS)
local version, day, kept = tonumber(ARGV[2]), ARGV[8], tonumber(ARGV[12])

local found = 0
local before = redis.call('HGET', pulse, ARGV[1])
if before then
  -- A pulse that nobody can read counts as none: the caller sees 0 and writes its partition again.
  local ok, value = pcall(cjson.decode, before)
  if ok and type(value) == 'table' then found = tonumber(value.version) or 0 end
end
if found >= version or (ARGV[15] ~= '' and found ~= tonumber(ARGV[15])) then return found end

local function list(i)
  if ARGV[i] == '' then return {} end
  return cmsgpack.unpack(ARGV[i])
end

-- A user's closes with one more: the last `kept` of them, oldest first. Dates compare as text. Entries are padded with
-- blanks to 32 bytes, comma included, so that the common case counts and cuts without a look at 90 entries (50 µs a user).
local wide = 32
local function entry(d, score)
  local text = '"' .. d .. '":' .. score
  return text .. string.rep(' ', wide - 1 - #text)
end
local function with_close(old, score)
  if not old then return '{' .. entry(day, score) .. '}' end
  local last = string.match(string.sub(old, -wide), '^"(%d+%-%d+%-%d+)":[^,{}]*}$')
  local one = ',' .. entry(day, score) .. '}'
  if last and last < day and #old % wide == 1 and #one == wide + 1 then
    if #old < kept * wide then return string.sub(old, 1, -2) .. one end
    if #old == kept * wide + 1 and string.sub(old, wide + 1, wide + 1) == ',' then
      return '{' .. string.sub(old, wide + 2, -2) .. one
    end
  end
  local closes, days = { [day] = score }, { day } -- a repeated or earlier day, or not our format: take it apart and sort
  for d, s in string.gmatch(old, '"(%d+%-%d+%-%d+)":([^,{} ]+)') do
    if d ~= day then closes[d] = s; days[#days + 1] = d end
  end
  table.sort(days)
  local parts = {}
  for i = math.max(1, #days - kept + 1), #days do parts[#parts + 1] = entry(days[i], closes[days[i]]) end
  return '{' .. table.concat(parts, ',') .. '}'
end

-- A foreign key under one of our names is found here and not half-way through.
local kinds = { 'zset', 'hash', 'hash', 'hash', 'stream', 'hash', 'stream', 'hash' }
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  local wanted = kinds[i] or 'zset'
  if kind ~= 'none' and kind ~= wanted then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. kind .. ', expected a ' .. wanted .. ': choose another prefix')
  end
end

local records, bins, closes, alarms, left = list(5), list(6), list(9), list(10), list(16)
local places = {} -- lists of scores, each with the keys of the boards it is for
local function place(scores, ...)
  if #scores > 0 then places[#places + 1] = { scores, { ... } } end
end
local new, count = {}, nil -- networks that get a board with this call, and how many have one
place(list(4), board)
for i = 9, #KEYS do
  local name, at = ARGV[3 * i - 9], 3 * i - 8
  local has = redis.call('HEXISTS', networks, name) == 1
  if not has then
    count = count or redis.call('HLEN', networks)
    has = count < tonumber(ARGV[17])
    if has then count, new[#new + 1], new[#new + 2] = count + 1, name, 1 end
  end
  if has then
    place(list(at), board, KEYS[i])
    place(list(at + 1), KEYS[i])
  else
    place(list(at), board)
  end
end
if #closes > 0 then
  local names = {}
  for i = 1, #closes, 2 do names[#names + 1] = closes[i] end
  local old = redis.call('HMGET', history, unpack(names))
  for i = 1, #names do closes[2 * i] = with_close(old[i], closes[2 * i]) end
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
if ARGV[11] == '1' then redis.call('DEL', spread) end
if #bins > 0 then redis.call('HSET', spread, unpack(bins)) end
if #closes > 0 then redis.call('HSET', history, unpack(closes)) end
if ARGV[7] ~= '' then redis.call('XADD', updates, 'MAXLEN', '~', ARGV[13], '*', 'batch', ARGV[7]) end
for _, alarm in ipairs(alarms) do redis.call('XADD', alerts, 'MAXLEN', '~', ARGV[14], '*', 'alert', alarm) end
redis.call('HSET', pulse, ARGV[1], ARGV[3])
return found
