-- The stream of alerts written anew, if nobody has written to it meanwhile.
--
-- KEYS  alerts
-- ARGV  1 the id of its last entry when it was read, '' for none   2 MessagePack list [id, alert JSON, ...], oldest first
-- Answers how many entries it has then, -1 when somebody has written.

local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local last = newest[1] and newest[1][1] or ''
if last ~= ARGV[1] then return -1 end
redis.call('DEL', KEYS[1])
local entries = cmsgpack.unpack(ARGV[2])
for i = 1, #entries, 2 do redis.call('XADD', KEYS[1], entries[i], 'alert', entries[i + 1]) end
return #entries / 2
