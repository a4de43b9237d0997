#!/bin/sh
# API7's walkthrough (ai-proxy and ai-proxy-multi): a default model by path, so that callers need not name one; 80/20
# between two providers, each the other's fallback on 429 and 5xx; and no more than that.
. "$(dirname "$0")/kit.sh"

simulator openai
simulator deepseek
serve
echo sk-openai-1234567890abcdef >openai.key
echo sk-deepseek-1234567890abcdef >deepseek.key
run 'gw -q provider create openai --vendor openai --base-url $openai/v1 --credential-file openai.key' <<'OUT'
OUT
run 'gw -q provider create deepseek --vendor deepseek --base-url $deepseek/v1 --credential-file deepseek.key' <<'OUT'
OUT
run 'gw -q user create web && gw -q key create web --user web --output-file web.key' <<'OUT'
OUT

say 'A path with a default model: whatever is sent there goes to it'
run 'gw route create anything --path /anything --to openai/gpt-4' <<'OUT'
route/anything created
OUT
run 'curl -s $gateway/anything -H "Authorization: Bearer $(cat web.key)" -d "$(chat "What is 1+1?")" -D headers | grep -o "\"model\":\"[^\"]*\"\|\"content\":\"[^\"]*\""; grep -i ^x-gw-[mpra] headers' <<'OUT'
"model":"gpt-4"
"content":"This is gw's mock, not a model. You said: What is 1+1?"
x-gw-request-id: ID
x-gw-route: anything
x-gw-provider: openai
x-gw-model: gpt-4
x-gw-attempts: 1
OUT

say 'The client library of a caller who knows nothing of models: its base URL is the path'
run 'curl -s $gateway/anything/v1/chat/completions -H "Authorization: Bearer $(cat web.key)" -d "$(chat hello)" | grep -o "\"model\":\"[^\"]*\""' <<'OUT'
"model":"gpt-4"
OUT

say 'Another model named in the body is a hint, and the default stays'
run 'curl -s $gateway/anything -H "Authorization: Bearer $(cat web.key)" -d "$(chat hello gpt-4o)" | grep -o "\"model\":\"[^\"]*\""' <<'OUT'
"model":"gpt-4"
OUT

say 'Without the default a body without a model is the mistake of its caller'
run 'gw route create as-asked --path /as-asked --to openai' <<'OUT'
route/as-asked created
OUT
run 'curl -s $gateway/as-asked -H "Authorization: Bearer $(cat web.key)" -d "$(chat hello)"; echo' <<'OUT'
{"error":{"message":"the request names no model, and route `as-asked` supplies none (fix: set `model` in the body)","type":"invalid_request_error","param":"model","code":"invalid"}}
OUT

say 'Two instances, 80/20, the one fallback of the other on 429 and 5xx: as a file'
cat >balanced.toml <<'FILE'
[[route]]
name = "balanced"
path = "/balanced"
strategy = "split"
seed = 1
retry_on = ["429", "5xx"]
targets = [
  { provider = "openai", model = "gpt-4", weight = 8 },
  { provider = "deepseek", model = "deepseek-chat", weight = 2 },
]
FILE
run 'gw diff -f balanced.toml || test $? = 1' <<'OUT'
  route/balanced to create
+  path = "/balanced"
+  strategy = "split"
+  targets = [{ provider = "openai", model = "gpt-4", weight = 8 }, { provider = "deepseek", model = "deepseek-chat", weight = 2 }]
+  retry_on = ["429", "5xx"]
+  retries = 2
+  seed = 1
+  enabled = true
0 to change, 1 to create, 0 to delete
OUT
run 'gw apply -f balanced.toml' <<'OUT'
route/balanced created
1 created, 0 configured, 0 unchanged
OUT
run 'gw apply -f balanced.toml' <<'OUT'
route/balanced unchanged
0 created, 0 configured, 1 unchanged
OUT
run 'gw route explain balanced --key web --times 1000' <<'OUT'
as key web of user web (openai-chat)
at /balanced

ROUTE  BOUND BY  PRIORITY  WHY
balanced  path  0  decides: the path comes first

balanced, split: drawn by weight for every request
TRY  TARGET  TIER  WEIGHT  FIRST  DRAWN
1  openai/gpt-4  0  8  80 %  788 (78.8 %)
2  deepseek/deepseek-chat  0  2  20 %  212 (21.2 %)

moves on after 429, 5xx; 2 times more when all have failed
timers: connect 10s, whole answer 10m

would use openai/gpt-4
OUT
run 'for i in $(seq 100); do curl -s $gateway/balanced -H "Authorization: Bearer $(cat web.key)" -d "$(chat hello)" -o answer -w "%header{x-gw-provider}\n"; done | sort | uniq -c' <<'OUT'
  21 deepseek
  79 openai
OUT

say 'One of them answers 429, and with a newer model 500: its share goes to the other, unseen by callers'
run 'curl -s -d status=429,retry-after=1 $openai/_mock/script; echo' <<'OUT'
{"script":"status=429,retry-after=1"}
OUT
run 'for i in $(seq 20); do curl -s $gateway/balanced -H "Authorization: Bearer $(cat web.key)" -d "$(chat hello)" -o answer -w "%{http_code} %header{x-gw-provider}\n"; done | sort | uniq -c' <<'OUT'
  20 200 deepseek
OUT
run 'curl -s -d status=500 $openai/_mock/script; echo' <<'OUT'
{"script":"status=500"}
OUT
run 'gw route set balanced --to openai/gpt-4o=8 --to deepseek/deepseek-chat=2' <<'OUT'
route/balanced configured
OUT
run 'for i in $(seq 20); do curl -s $gateway/balanced -H "Authorization: Bearer $(cat web.key)" -d "$(chat hello)" -o answer -w "%{http_code} %header{x-gw-provider}\n"; done | sort | uniq -c' <<'OUT'
  20 200 deepseek
OUT
soon 'gw -q logs get $(gw logs --route balanced -o jsonl -q -n 100 | grep -m1 "\"status\": *500" | cut -d\" -f4)' <<'OUT'
id  ID
at  TIME
key  web
user  web
route  balanced
format  openai-chat
path  /balanced
model  deepseek-chat
provider  deepseek
status  200
outcome  ok
stream  false
usage  2 in, 12 out (reported)
latency  TOOK
ttft  TOOK
cost  $0.000014 (calculated)

TRY  TARGET  START  TOOK  STATUS  CLASS  REASON
1  openai/gpt-4o  TOOK  TOOK  500  upstream  the mock was asked to answer 500; moved on to the next target
2  deepseek/deepseek-chat  TOOK  TOOK  200  ok  -
OUT

say 'What is not in the list ends it: a 403 of the credential is told as ours, and no other is asked'
run 'curl -s -d status=403 $openai/_mock/script; echo' <<'OUT'
{"script":"status=403"}
OUT
run 'gw route set balanced --strategy fallback --to openai/gpt-4-turbo --to deepseek/deepseek-chat' <<'OUT'
route/balanced configured
OUT
run 'curl -s $gateway/balanced -H "Authorization: Bearer $(cat web.key)" -d "$(chat hello)" -w "\n%{http_code} %header{x-gw-origin}\n"' <<'OUT'
{"error":{"message":"provider `openai` refused the gateway's credential for it (HTTP 403)","type":"api_error","param":null,"code":"provider_auth"}}
502 gateway
OUT
run 'gw route set balanced --retry-on 429,5xx,credential' <<'OUT'
route/balanced configured
OUT
run 'curl -s $gateway/balanced -H "Authorization: Bearer $(cat web.key)" -d "$(chat hello)" -o answer -w "%{http_code} %header{x-gw-provider}\n"' <<'OUT'
200 deepseek
OUT
