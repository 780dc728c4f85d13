-- How many of these users are not on their boards, have no record, or cannot be found.
--
-- KEYS  board, users, networks, search, ids, the board of each of their networks
-- ARGV  1 MessagePack list of users, at most a few thousand   2 '1': accounts of persons, whom the overall board has not
--       3 networks that may have a board   4 list [member of search, member of search, numeric id, ...] of the same users
--       5 and so on: the names of their networks, in the order of the keys

local board, users, networks, search, ids = unpack(KEYS, 1, 5)

-- A network that has no board, though it may have one, has lost it.
local boards, lost, room = {}, {}, redis.call('HLEN', networks) < tonumber(ARGV[3])
for i = 5, #ARGV do
  if redis.call('HEXISTS', networks, ARGV[i]) == 1 then boards[ARGV[i]] = KEYS[i + 1] else lost[ARGV[i]] = room end
end

local function placed(user)
  if ARGV[2] ~= '1' and not redis.call('ZSCORE', board, user) then return false end
  local network = string.match(user, '^([^:]*):')
  if not network or lost[network] then return not network end
  return not boards[network] or redis.call('ZSCORE', boards[network], user)
end

local by = cmsgpack.unpack(ARGV[4])
local function found(n)
  local member, other, id = by[3 * n - 2], by[3 * n - 1], by[3 * n]
  return redis.call('ZSCORE', search, member) and redis.call('ZSCORE', search, other) and redis.call('HEXISTS', ids, id) == 1
end

local lacking = 0
for n, user in ipairs(cmsgpack.unpack(ARGV[1])) do
  if not placed(user) or redis.call('HEXISTS', users, user) == 0 or not found(n) then lacking = lacking + 1 end
end
return lacking
