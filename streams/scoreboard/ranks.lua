-- Records, names and places of users of one shard. KEYS: users, board, names; ARGV: the users.
-- Returns records, names, scores on the board, how many there are higher (each false for whom it has not), and how many are on the board.
local records, scores, above = redis.call('HMGET', KEYS[1], unpack(ARGV)), {}, {}
for n, user in ipairs(ARGV) do
  local score = redis.call('ZSCORE', KEYS[2], user)
  scores[n] = score
  above[n] = score and redis.call('ZCOUNT', KEYS[2], '(' .. score, '+inf')
end
return {records, redis.call('HMGET', KEYS[3], unpack(ARGV)), scores, above, redis.call('ZCARD', KEYS[2])}
