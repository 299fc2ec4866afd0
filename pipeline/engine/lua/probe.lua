-- probe(KEYS = [prefix], ARGV = [ttl_ms]) -> time of Redis in ms, once it was written down: scripts run, and writing works
redis.call('SET', P .. 'probe', STAMP, 'PX', ARGV[1])
return NOW
