-- How one shard is, at one moment, and what one partition of it has. Reads only; some 75 µs with 8 partitions and one network in the shard, more with more of both.
--
-- KEYS  board, users, spread, pulse, history, alerts, networks, influence, user_alerts, search, ids, the boards of the networks
--       that are known
-- ARGV  1 partition   2 networks that may have a board   3 and so on: the names of those that are known
-- Answers version and shown of the partition, the users in its histogram, shown of all partitions of the shard together,
-- how many entries board, users, history and alerts have, the partition's accounts of persons and those of all partitions, how
-- many users the boards of networks lack, how many users should be in the histogram, of how many all have given daily closes, how
-- many have topics and people, of how many all have given them, how many users have alerts, how many can be found by search and by
-- their numeric ids (the less of both), of how many all have given that, and the names of the networks that have a board: if
-- others are known, ask again with these.

local board, users, spread, pulse, history, alerts, networks, influence, user_alerts = unpack(KEYS, 1, 9)
local search, ids = KEYS[10], KEYS[11]

local function number(text, name) -- of a JSON object whose other values hold no such name: quotes in them are escaped
  return tonumber(string.match(text, '"' .. name .. '":(%d+)')) or 0
end

local function unquoted(name) -- quoted as in a URL: no quotes and brackets are left in it
  return (string.gsub(name, '%%(%x%x)', function(code) return string.char(tonumber(code, 16)) end))
end

local together, version, shown, linked, off, engaged, closes, influences, indexed, wanted = 0, 0, 0, 0, 0, 0, 0, 0, 0, {}
local said = redis.call('HGETALL', pulse)
for i = 1, #said, 2 do
  local one = number(said[i + 1], 'shown')
  local apart = tonumber(string.match(said[i + 1], '"shown":%d+,"linked":(%d+)')) or 0
  together, off, closes = together + one, off + apart, closes + number(said[i + 1], 'closes')
  influences = influences + number(said[i + 1], 'influence')
  indexed = indexed + number(said[i + 1], 'indexed')
  if said[i] == ARGV[1] then
    version, shown, linked = number(said[i + 1], 'version'), one, apart
    engaged = tonumber(string.match(said[i + 1], '"counted":(%d+)')) or one - apart -- an older worker has everyone in it
  end
  for name, count in string.gmatch(string.match(said[i + 1], '"networks":{([^}]*)}') or '', '"([^"]*)":(%d+)') do
    wanted[name] = (wanted[name] or 0) + count
  end
end

local counted = 0
for _, count in ipairs(redis.call('HVALS', spread)) do counted = counted + count end

local boards, has, names = {}, {}, {}
for i = 3, #ARGV do boards[ARGV[i]] = KEYS[9 + i] end
local listed = redis.call('HGETALL', networks)
for i = 1, #listed, 2 do has[listed[i]], names[#names + 1] = true, listed[i] end
local unplaced = 0
for quoted, count in pairs(wanted) do
  local name = unquoted(quoted)
  if has[name] then
    if boards[name] then unplaced = unplaced + math.max(0, count - redis.call('ZCARD', boards[name])) end
  elseif #names < tonumber(ARGV[2]) then
    unplaced = unplaced + count -- it is not known any more that it has a board
  end
end

return {
  version, shown, counted, together,
  redis.call('ZCARD', board), redis.call('HLEN', users), redis.call('HLEN', history), redis.call('XLEN', alerts),
  linked, off, unplaced, engaged, closes, redis.call('HLEN', influence), influences, redis.call('HLEN', user_alerts),
  math.min(math.floor(redis.call('ZCARD', search) / 2), redis.call('HLEN', ids)), indexed,
  names,
}
