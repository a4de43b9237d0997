#!/bin/sh
# Tetrate Agent Router's walkthrough: a key, a chain of two providers, a split, a rule, the active toggle, revoking, and
# what the logs say of all that.
. "$(dirname "$0")/kit.sh"

simulator openai
simulator anthropic
serve
echo sk-openai-1234567890abcdef >openai.key
echo sk-ant-1234567890abcdef >anthropic.key
run 'gw -q provider create openai --vendor openai --base-url $openai/v1 --credential-file openai.key' <<'OUT'
OUT
run 'gw -q provider create anthropic --vendor anthropic --base-url $anthropic --credential-file anthropic.key' <<'OUT'
OUT

say 'A key, shown once: alone on standard output, so that a variable can take it'
run 'gw -q user create agents' <<'OUT'
OUT
run 'export GW_API_KEY=$(gw key create agent --user agents)' <<'OUT'
key/agent created; its secret is shown this once
OUT
run 'gw key get agent' <<'OUT'
NAME  USER  ROUTE  REQUESTS  TOKENS  SPEND  STATUS  AGE
agent  agents  -  0  0  $0  active  AGE
OUT
run 'gw key describe agent | grep -v -e 20 -e last4' <<'OUT'
kind  key
name  agent
user  agents
enabled  true
version  1
status.state  active
status.prefix  sk-gw-SECRET
status.routes  -
OUT

say 'A chain of two: the second is asked only when the first cannot'
run 'gw route create chain --key agent --to openai/gpt-4o --to anthropic/claude-sonnet-4-5' <<'OUT'
route/chain created
OUT
run 'gw request hello -m gpt-4o --explain' <<'OUT'
This is gw's mock, not a model. You said: hello
· openai/gpt-4o via route chain, 1 attempt, 2+12 tokens, $0.000125, TOOK
OUT
run 'curl -s -d status=503 $openai/_mock/script; echo' <<'OUT'
{"script":"status=503"}
OUT
run 'gw request hello -m gpt-4o --explain' <<'OUT'
This is gw's mock, not a model. You said: hello
· anthropic/claude-sonnet-4-5 via route chain, 2 attempts, 2+12 tokens, $0.000186, TOOK
OUT

say 'In both formats, whatever the provider speaks: the model is a hint, and the answer says what was used'
run 'curl -s $gateway/v1/messages -H "x-api-key: $GW_API_KEY" -H "anthropic-version: 2023-06-01" -d "$(chat hello gpt-4o "\"max_tokens\": 50")" -D headers | head -c 60; echo; grep -i ^x-gw-[mpra] headers' <<'OUT'
{"id":"msg_mock_1","type":"message","role":"assistant","mode
x-gw-request-id: ID
x-gw-route: chain
x-gw-provider: anthropic
x-gw-model: claude-sonnet-4-5
x-gw-attempts: 2
OUT

say 'When the first is back it is asked first again'
run 'curl -s -d "" $openai/_mock/script; echo' <<'OUT'
{"script":""}
OUT
run 'gw request hello -m gpt-4o --explain' <<'OUT'
This is gw's mock, not a model. You said: hello
· openai/gpt-4o via route chain, 1 attempt, 2+12 tokens, $0.000125, TOOK
OUT

say 'A chain that is exhausted ends with the last error, and the error says whose it is'
run 'curl -s -d status=503 $openai/_mock/script; curl -s -d status=529 $anthropic/_mock/script; echo' <<'OUT'
{"script":"status=503"}{"script":"status=529"}
OUT
run 'gw route set chain --retries 0' <<'OUT'
route/chain configured
OUT
fails 9 'gw request hello -m gpt-4o' <<'OUT'
error: the mock was asked to answer 503 (status 503)
  from openai/gpt-4o via route chain, 2 attempts
  TRY  TARGET  START  TOOK  STATUS  CLASS  REASON
  1  openai/gpt-4o  TOOK  TOOK  503  upstream  the mock was asked to answer 503; moved on to the next target
  2  anthropic/claude-sonnet-4-5  TOOK  TOOK  529  capacity  the mock was asked to answer 529; no target left
  fix: gw logs get ID
OUT
soon 'gw logs get $(gw -q logs --status 5xx -n 1 -o value=.id)' <<'OUT'
id  ID
at  TIME
key  agent
user  agents
route  chain
format  openai-chat
requested_model  gpt-4o
model  gpt-4o
provider  openai
status  503
outcome  failed
stream  false
usage  0 in, 0 out (none)
latency  TOOK
error  the mock was asked to answer 503
cost  unpriced

TRY  TARGET  START  TOOK  STATUS  CLASS  REASON
1  openai/gpt-4o  TOOK  TOOK  503  upstream  the mock was asked to answer 503; moved on to the next target
2  anthropic/claude-sonnet-4-5  TOOK  TOOK  529  capacity  the mock was asked to answer 529; no target left
OUT
run 'curl -s $gateway/v1/chat/completions -H "Authorization: Bearer $GW_API_KEY" -d "$(chat hello gpt-4o)" -D headers; echo; grep -i ^x-gw-origin headers' <<'OUT'
{"error":{"message":"the mock was asked to answer 503","type":"server_error","param":null,"code":null}}
x-gw-origin: provider
OUT
run 'curl -s -d "" $openai/_mock/script; curl -s -d "" $anthropic/_mock/script; echo' <<'OUT'
{"script":""}{"script":""}
OUT

say 'A split: a migration begins with a tenth'
run 'gw route set chain --strategy split --to openai/gpt-4o=9 --to anthropic/claude-sonnet-4-5=1 --seed 1' <<'OUT'
route/chain configured
OUT
soon 'gw route explain -m gpt-4o --key agent --times 1000' <<'OUT'
as key agent of user agents, asking for gpt-4o (openai-chat)

ROUTE  BOUND BY  PRIORITY  WHY
chain  key  0  decides: the key comes first

chain, split: drawn by weight for every request
TRY  TARGET  TIER  WEIGHT  FIRST  DRAWN
1  openai/gpt-4o  0  9  90 %  894 (89.4 %)
2  anthropic/claude-sonnet-4-5  0  1  10 %  106 (10.6 %)

moves on after connect, timeout, 429, 5xx, credential
timers: connect 10s, whole answer 10m

would use openai/gpt-4o
OUT
run 'gw request hello -m gpt-4o --repeat 100 -o value=.route.model | sort | uniq -c' <<'OUT'
  13 claude-sonnet-4-5
  87 gpt-4o
OUT

say 'Rules go before the split, and the first that holds decides'
run 'gw route set chain --rule '"'"'headers["x-team"] == "search" => anthropic/claude-haiku-4-5'"'"' --rule '"'"'model == "fast" => openai/gpt-4o-mini'"'" <<'OUT'
route/chain configured
OUT
run 'gw request hello -m gpt-4o -H x-team:search -o value=.route.model' <<'OUT'
claude-haiku-4-5
OUT
run 'gw request hello -m fast -o value=.route.model' <<'OUT'
gpt-4o-mini
OUT
run 'gw route explain -m fast --key agent' <<'OUT'
as key agent of user agents, asking for fast (openai-chat)

ROUTE  BOUND BY  PRIORITY  WHY
chain  key  0  decides: the key comes first

rule 1 does not hold: headers["x-team"] == "search"
  there is no header `x-team`
rule 2 holds: model == "fast"
  model is "fast"

chain, rule 2, split: drawn by weight for every request
TRY  TARGET  TIER  WEIGHT  FIRST
1  openai/gpt-4o-mini  0  1  100 %

moves on after connect, timeout, 429, 5xx, credential
timers: connect 10s, whole answer 10m

would use openai/gpt-4o-mini
OUT
fails 2 'gw route set chain --rule '"'"'modle == "fast" => openai/gpt-4o-mini'"'" <<'OUT'
error: rule 1, column 1: there is no `modle`
  modle == "fast"
  ^
  fix: did you mean `model`?
OUT

say 'Not active is as if it were not there: kept, and the request goes to the model that the caller names'
run 'gw route disable chain' <<'OUT'
route/chain disabled
OUT
fails 4 'gw request hello -m gpt-4o' <<'OUT'
error: no route takes requests of key `agent`, and it may call no model directly (status 403)
  fix: add one with `gw route create NAME --key agent --to PROVIDER/MODEL`, or allow models with `gw key set agent --direct 'PROVIDER/*'`
OUT
run 'gw key set agent --direct "openai/*"' <<'OUT'
key/agent configured
OUT
run 'gw request hello -m gpt-4o --explain' <<'OUT'
This is gw's mock, not a model. You said: hello
· openai/gpt-4o via no route, 1 attempt, 2+12 tokens, $0.000125, TOOK
OUT
soon 'gw route get chain' <<'OUT'
NAME  KEYS  TARGETS  REQUESTS  TOKENS  SPEND  ACTIVE  AGE
chain  agent  openai/gpt-4o=9,anthropic/claude-sonnet-4-5  108  1484  $0.0140  no  AGE
OUT
run 'gw route enable chain' <<'OUT'
route/chain enabled
OUT
run 'gw request hello -m fast -o value=.route.model' <<'OUT'
gpt-4o-mini
OUT

say 'The logs say what was asked for, what was used instead, and why'
soon 'gw logs -n 4' <<'OUT'
TIME UTC  ID  KEY  MODEL  STATUS  TOOK  COST
TIME  ID  agent  fast→gpt-4o-mini  200  TOOK  $0.000008
TIME  ID  agent  gpt-4o  403  TOOK  -
TIME  ID  agent  gpt-4o  200  TOOK  $0.000125
TIME  ID  agent  fast→gpt-4o-mini  200  TOOK  $0.000008
only the newest 4 are shown, there are more: ask for them with -n N
OUT
soon 'gw logs get $(gw -q logs --model claude-haiku-4-5 -n 1 -o value=.id)' <<'OUT'
id  ID
at  TIME
key  agent
user  agents
route  chain
rule  1
format  openai-chat
requested_model  gpt-4o
model  claude-haiku-4-5
provider  anthropic
status  200
outcome  ok
stream  false
usage  2 in, 12 out (reported)
latency  TOOK
ttft  TOOK
cost  $0.000062 (calculated)

TRY  TARGET  START  TOOK  STATUS  CLASS  REASON
1  anthropic/claude-haiku-4-5  TOOK  TOOK  200  ok  -
OUT

say 'Revoking cuts what runs, and is for ever'
run 'curl -s -d events=5000,pace=20ms $openai/_mock/script; echo' <<'OUT'
{"script":"events=5000,pace=TOOK"}
OUT
run 'curl -sN $gateway/v1/chat/completions -H "Authorization: Bearer $GW_API_KEY" -d "$(chat hello fast "\"stream\": true")" >stream & curl=$!' <<'OUT'
OUT
soon 'grep -m1 -o "\"content\":\"[^\"]" stream' <<'OUT'
"content":"T
OUT
run 'gw key revoke agent --yes' <<'OUT'
key/agent revoked
OUT
run 'wait $curl; tail -n 3 stream' <<'OUT'

data: {"error":{"message":"the API key was revoked","type":"authentication_error","param":null,"code":"unauthenticated"}}

OUT
fails 4 'gw request hello -m gpt-4o' <<'OUT'
error: the API key is not valid (status 401)
  fix: gw key get
OUT
fails 5 'gw key enable agent' <<'OUT'
error: key `agent` is revoked, which is final
  fix: make another one: gw key create agent-2 --user USER
OUT
soon 'gw -q logs -n 2 -o csv | cut -d, -f3,6-9' <<'OUT'
key,requested_model,model,provider,status
agent,fast,gpt-4o-mini,openai,200
agent,,,,401
OUT
run 'curl -s $openai/_mock/requests | grep -o client_closed' <<'OUT'
client_closed
OUT
