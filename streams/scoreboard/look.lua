-- How one shard is, at one moment, and what one partition of it has. Reads only; a few µs, whatever the shard holds.
--
-- KEYS  board, users, spread, pulse, history, alerts
-- ARGV  1 partition
-- Answers version and shown of the partition, the users in its histogram, shown of all partitions of the shard together,
-- and how many entries board, users, history and alerts have.

local board, users, spread, pulse, history, alerts = unpack(KEYS)

local function number(text, name) -- of a JSON object whose other values hold no such name: quotes in them are escaped
  return tonumber(string.match(text, '"' .. name .. '":(%d+)')) or 0
end

local together, version, shown = 0, 0, 0
local said = redis.call('HGETALL', pulse)
for i = 1, #said, 2 do
  local one = number(said[i + 1], 'shown')
  together = together + one
  if said[i] == ARGV[1] then version, shown = number(said[i + 1], 'version'), one end
end

local counted = 0
for _, count in ipairs(redis.call('HVALS', spread)) do counted = counted + count end

return {
  version, shown, counted, together,
  redis.call('ZCARD', board), redis.call('HLEN', users), redis.call('HLEN', history), redis.call('XLEN', alerts),
}
