-- One 200-byte chat request, sent over and over. GW_BENCH_KEY and GW_BENCH_PATH come from run.sh.
wrk.method = "POST"
wrk.path = os.getenv("GW_BENCH_PATH")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("GW_BENCH_KEY")
local head = '{"model":"mock","max_tokens":256,"messages":[{"role":"user","content":"'
local tail = '"}]}'
wrk.body = head .. string.rep("x", 200 - #head - #tail) .. tail
