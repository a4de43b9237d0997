#!/bin/sh
# WSO2 API Manager's walkthrough: production and sandbox endpoints, model round robin, weighted round robin, failover with a
# time-out, and a duration for which what has failed is left alone.
. "$(dirname "$0")/kit.sh"

simulator production
simulator sandbox
simulator azure
serve
echo sk-openai-1234567890abcdef >openai.key

say 'Endpoints of one vendor: production, sandbox, and a second one in production'
run 'gw -q provider create openai --vendor openai --base-url $production/v1 --environments production --credential-file openai.key' <<'OUT'
OUT
run 'gw -q provider create openai-sandbox --vendor openai --base-url $sandbox/v1 --environments sandbox --credential-file openai.key' <<'OUT'
OUT
run 'gw -q provider create azure --vendor openai-compatible --base-url $azure/v1 --environments production --credential-file openai.key' <<'OUT'
OUT
run 'gw provider get -o csv | cut -d, -f1-2,8-9' <<'OUT'
name,vendor,status.base_url,environments
azure,openai-compatible,http://azure/v1,production
openai,openai,http://production/v1,production
openai-sandbox,openai,http://sandbox/v1,sandbox
OUT

say 'An application has a key for each'
run 'gw -q user create shop && gw -q key create shop-live --user shop --environment production --output-file live.key && gw -q key create shop-test --user shop --environment sandbox --output-file test.key' <<'OUT'
OUT
run 'gw route create shop --user shop --to openai/gpt-4o --to openai-sandbox/gpt-4o-mini' <<'OUT'
route/shop created
OUT
run 'gw request hello --key-file live.key --explain' <<'OUT'
This is gw's mock, not a model. You said: hello
· openai/gpt-4o via route shop, 1 attempt, 2+12 tokens, $0.000125, TOOK
OUT
run 'gw request hello --key-file test.key --explain' <<'OUT'
This is gw's mock, not a model. You said: hello
· openai-sandbox/gpt-4o-mini via route shop, 1 attempt, 2+12 tokens, $0.0000075, TOOK
OUT

say 'Round robin over pairs of endpoint and model: the model asked for is replaced'
export GW_API_KEY="$(cat live.key)"
run 'gw route create turns --user shop --priority 1 --strategy round-robin --to openai/gpt-4o --to openai/gpt-4o-mini --to azure/gpt-4o' <<'OUT'
route/turns created
OUT
run 'gw route disable shop' <<'OUT'
route/shop disabled
OUT
run 'for i in 1 2 3 4 5 6; do gw request hello -m gpt-4o -o value=.route | tr -d "\n"; echo; done' <<'OUT'
openai/gpt-4o
openai/gpt-4o-mini
azure/gpt-4o
openai/gpt-4o
openai/gpt-4o-mini
azure/gpt-4o
OUT
run 'gw route explain turns --key shop-live -m gpt-4o --times 9' <<'OUT'
as key shop-live of user shop in production, asking for gpt-4o (openai-chat)

ROUTE  BOUND BY  PRIORITY  WHY
turns  user  1  decides: the key's user comes first
shop  user  0  it is disabled; gw route enable shop

turns, round-robin: by turns
TRY  TARGET  TIER  WEIGHT  FIRST  DRAWN
1  openai/gpt-4o  0  1  33.3 %  3 (33.3 %)
2  openai/gpt-4o-mini  0  1  33.3 %  3 (33.3 %)
3  azure/gpt-4o  0  1  33.3 %  3 (33.3 %)

moves on after connect, timeout, 429, 5xx, credential; 2 times more when all have failed
timers: connect 10s, whole answer 10m

would use openai/gpt-4o
OUT

say 'Weighted: 3 of 5, 1 of 5, 1 of 5, spread out and exact'
run 'gw route set turns --strategy weighted-round-robin --to openai/gpt-4o=3 --to openai/gpt-4o-mini --to azure/gpt-4o' <<'OUT'
route/turns configured
OUT
run 'for i in 1 2 3 4 5; do gw request hello -m gpt-4o -o value=.route | tr -d "\n"; echo; done' <<'OUT'
openai/gpt-4o
openai/gpt-4o-mini
openai/gpt-4o
azure/gpt-4o
openai/gpt-4o
OUT
run 'for i in $(seq 20); do gw request hello -m gpt-4o -o value=.route | tr -d "\n"; echo; done | sort | uniq -c' <<'OUT'
  4 azure/gpt-4o
  12 openai/gpt-4o
  4 openai/gpt-4o-mini
OUT

say 'Each pair can be tried with a small request of its own'
run 'gw route test turns' <<'OUT'
one small real request goes through each target: it costs a few tokens
TARGET  RESULT  STATUS  LATENCY  TTFT  TOKENS  COST  WHY
openai/gpt-4o  ok  200  TOOK  TOOK  1+1  $0.000013  -
openai/gpt-4o-mini  ok  200  TOOK  TOOK  1+1  $0.000001  -
azure/gpt-4o  ok  200  TOOK  TOOK  1+1  unpriced  -
OUT

say 'Suspend duration: what has failed once is left alone for so long'
run 'gw provider set azure --suspend-after 1 --suspend-for 3s' <<'OUT'
provider/azure configured
OUT
run 'curl -s -d status=500 $azure/_mock/script; echo' <<'OUT'
{"script":"status=500"}
OUT
run 'gw request hello -m gpt-4o --repeat 10 -q -o value=.status | sort | uniq -c' <<'OUT'
  10 200
OUT
run 'curl -s $azure/_mock/requests | grep -o "\"id\"" | wc -l' <<'OUT'
10
OUT

run 'gw route status turns' <<'OUT'
turns (weighted-round-robin): 41 requests in the last hour
TARGET  STATE  TTFT  BUSY  SHARE  FAILED
openai/gpt-4o  healthy  TOOK  0  59% of 60%  0 of 25
openai/gpt-4o-mini  healthy  TOOK  0  22% of 20%  0 of 9
azure/gpt-4o  suspended for TOOK  TOOK  0  20% of 20%  1 of 8
OUT

say 'After it one request is let in, and when that is answered it has its turns again'
run 'curl -s -d "" $azure/_mock/script; echo' <<'OUT'
{"script":""}
OUT
soon 'for i in 1 2 3 4 5; do gw request hello -m gpt-4o -o value=.route.provider; done | sort | uniq -c' <<'OUT'
  1 azure
  4 openai
OUT

say 'Failover: a primary with a time-out, and who comes after it'
run 'gw route create failover --user shop --retries 0 --to openai/gpt-4o --to azure/gpt-4o --answer-timeout 500ms --first-byte-timeout 500ms' <<'OUT'
route/failover created
OUT
run 'gw provider set openai --suspend-after 1 --suspend-for 60s' <<'OUT'
provider/openai configured
OUT
run 'curl -s -d delay-headers=60s $production/_mock/script; echo' <<'OUT'
{"script":"delay-headers=60s"}
OUT
run 'gw request hello -m gpt-4o --explain' <<'OUT'
This is gw's mock, not a model. You said: hello
· azure/gpt-4o via route failover, 2 attempts, 2+12 tokens, TOOK
OUT
run 'gw request hello -m gpt-4o --explain' <<'OUT'
This is gw's mock, not a model. You said: hello
· azure/gpt-4o via route failover, 1 attempt, 2+12 tokens, TOOK
OUT
run 'gw route explain failover --key shop-live -m gpt-4o' <<'OUT'
as key shop-live of user shop in production, asking for gpt-4o (openai-chat)

ROUTE  BOUND BY  PRIORITY  WHY
failover  user  0  decides: the key's user comes first
turns  user  1  `failover` has priority 0, this one 1
shop  user  0  it is disabled; gw route enable shop

failover, fallback: in order
TRY  TARGET  TIER  WEIGHT  FIRST
1  azure/gpt-4o  1  1  100 %

LEFT OUT  WHY
openai/gpt-4o  suspended for TOOK more

moves on after connect, timeout, 429, 5xx, credential
timers: connect 10s, whole answer TOOK

would use azure/gpt-4o
OUT

say 'When nobody else answers, one that is suspended is asked all the same'
run 'gw provider set azure --suspend-for 60s' <<'OUT'
provider/azure configured
OUT
run 'curl -s -d status=500 $azure/_mock/script; echo' <<'OUT'
{"script":"status=500"}
OUT
fails 9 'gw request hello -m gpt-4o' <<'OUT'
error: provider `openai` did not answer in time (status 504)
  from openai/gpt-4o via route failover, 2 attempts
  TRY  TARGET  START  TOOK  STATUS  CLASS  REASON
  1  azure/gpt-4o  TOOK  TOOK  500  upstream  the mock was asked to answer 500; no target left but such as rest
  2  openai/gpt-4o  TOOK  TOOK  -  timeout  provider `openai` did not answer in time; no target left
  fix: gw logs get ID
OUT

say 'Or, when told so, nobody is'
run 'gw route set failover --when-all-rest fail' <<'OUT'
route/failover configured
OUT
run 'gw route status failover' <<'OUT'
failover (fallback): 3 requests in the last hour
TARGET  STATE  TTFT  BUSY  SHARE  FAILED
openai/gpt-4o  suspended for TOOK  TOOK  0  33% of 100%  2 of 2
azure/gpt-4o  suspended for TOOK  TOOK  0  67% of 0%  1 of 3
OUT
run 'curl -s $gateway/v1/chat/completions -H "Authorization: Bearer $GW_API_KEY" -d "$(chat hello gpt-4o)" -D headers -w "\n%{http_code}\n"; grep -i -o -e ^retry-after -e "^x-gw-origin.*" headers' <<'OUT'
{"error":{"message":"route `failover` has no target left (`openai/gpt-4o`: resting after failures for another TOOK; `azure/gpt-4o`: resting after failures for another TOOK) (fix: see `gw route explain failover`)","type":"service_unavailable","param":null,"code":"unavailable"}}
503
x-gw-origin: gateway
retry-after
retry-after
OUT

say 'What a request cost is in the answer, and what cannot be priced is not called free'
run 'gw route create priced --path /priced --to openai-sandbox/gpt-4o-mini && gw route create unpriced --path /unpriced --to openai-sandbox/house-model' <<'OUT'
route/priced created
route/unpriced created
OUT
run 'for path in priced unpriced; do curl -s $gateway/$path -H "Authorization: Bearer $(cat test.key)" -d "$(chat hello)" -o answer -D headers; grep -i "^x-gw-[mc]" headers; done' <<'OUT'
x-gw-model: gpt-4o-mini
x-gw-cost-status: calculated
x-gw-cost: 0.0000075
x-gw-model: house-model
x-gw-cost-status: unpriced
OUT
soon 'gw -q logs -n 2 -o wide | sed "s/.*gpt-4o-mini/gpt-4o-mini/; s/.*house/house/"' <<'OUT'
TIME UTC  ID  KEY  MODEL  PROVIDER  STATUS  TOOK  IN  OUT  COST  ROUTE  ATTEMPTS  TTFT  CACHED  USER  SESSION  AGENT  ERROR
gpt-4o-mini  openai-sandbox  200  TOOK  2  12  $0.000008  priced  1  TOOK  0  shop  -  -  -
house-model  openai-sandbox  200  TOOK  2  12  -  unpriced  1  TOOK  0  shop  -  -  -
OUT
