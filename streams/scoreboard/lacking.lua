-- How many of these users are not on the board, or have no record.
--
-- KEYS  board, users
-- ARGV  1 MessagePack list of users, at most a few thousand

local lacking = 0
for _, user in ipairs(cmsgpack.unpack(ARGV[1])) do
  if not redis.call('ZSCORE', KEYS[1], user) or redis.call('HEXISTS', KEYS[2], user) == 0 then lacking = lacking + 1 end
end
return lacking
