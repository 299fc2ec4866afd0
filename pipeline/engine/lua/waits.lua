-- waits(KEYS = [prefix], ARGV = [run, model ...]) -> for each model how many ms it cannot be asked; 0 for one that can
-- needs _gates
local out = {}
for i = 2, #ARGV do out[#out + 1] = math.ceil((model_wait(ARGV[i], ARGV[1], true))) end
return out
