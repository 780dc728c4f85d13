-- The latest alerts of some users written anew, each if nobody has written to it meanwhile.
--
-- KEYS  user_alerts
-- ARGV  1 MessagePack list [user, array when it was read, '' for none, array to write, ...]
-- Answers how many were written.

local filled, entries = 0, cmsgpack.unpack(ARGV[1])
for i = 1, #entries, 3 do
  if (redis.call('HGET', KEYS[1], entries[i]) or '') == entries[i + 1] then
    redis.call('HSET', KEYS[1], entries[i], entries[i + 2])
    filled = filled + 1
  end
end
return filled
