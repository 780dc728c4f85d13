-- Does this server take writes? What is written is taken away again; nobody sees it.
--
-- KEYS  pulse

redis.call('HSET', KEYS[1], 'probe', '')
redis.call('HDEL', KEYS[1], 'probe')
return 1
