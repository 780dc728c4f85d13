-- Bring the names of one shard from one offset of the topic `names` to a later one: all of it, or nothing when they are elsewhere.
-- Answers the offset found before the call, '' for none. So names follow the topic in its order, whoever writes how often.
--
-- KEYS  names, handles, names_at
-- ARGV  the offset that must be found, '' for none: then what is there goes first; the new offset;
--       [user, name, ...] in the order of the topic, MessagePack: '' takes the display name back, '@' the handle;
--       how users are spread over shards: an offset of another way is none
local names, handles, at = unpack(KEYS)
local function held() return tostring(redis.call('HLEN', names) + redis.call('HLEN', handles)) end
local found = redis.call('HGET', at, ARGV[4]) or ''
if found ~= '' and redis.call('HGET', at, 'held') ~= held() then -- a hash was lost alone
  redis.call('DEL', at)
  found = ''
end
if found ~= ARGV[1] then return found end
if found == ARGV[2] then return found end
local list = cmsgpack.unpack(ARGV[3])
if found == '' then redis.call('DEL', names, handles, at) end
local function call(key, user, name)
  if name then redis.call('HSET', key, user, name) else redis.call('HDEL', key, user) end
end
for i = 1, #list, 2 do
  local user, name = list[i], list[i + 1]
  if string.sub(name, 1, 1) == '@' then
    local handle = name ~= '@' and name
    local display = redis.call('HGET', names, user)
    call(handles, user, handle)
    if not display or string.sub(display, 1, 1) == '@' then call(names, user, handle) end
  elseif name == '' then
    call(names, user, redis.call('HGET', handles, user))
  else
    call(names, user, name)
  end
end
redis.call('HSET', at, ARGV[4], ARGV[2], 'held', held())
return found
