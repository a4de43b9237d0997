#!/bin/sh
# Ozeki AI Gateway's walkthrough: a route for one user's one key to one provider; without a route a key reaches nothing;
# a user's keys and routes go with the user.
. "$(dirname "$0")/kit.sh"

simulator openai
simulator claude
serve

say 'Connect to an AI service, with a credential that no command line shows'
echo sk-openai-1234567890abcdef >openai.key
echo sk-ant-1234567890abcdef >claude.key
run 'gw provider create openai --vendor openai --base-url $openai/v1 --credential-file openai.key' <<'OUT'
tested openai: ok, 7 models (TOOK)
provider/openai created
OUT
run 'gw provider create claude --vendor anthropic --base-url $claude --credential-file claude.key' <<'OUT'
tested claude: ok, 7 models (TOOK)
provider/claude created
OUT

say 'A user, and a key for each of her programs'
run 'gw user create ann --display-name "Ann"' <<'OUT'
user/ann created
OUT
run 'gw key create kilo-code --user ann --output-file kilo.key' <<'OUT'
secret written to kilo.key
key/kilo-code created
OUT
run 'gw key create chat --user ann --output-file chat.key' <<'OUT'
secret written to chat.key
key/chat created
OUT

say 'Without a route a key reaches nothing, and is told what is missing'
fails 4 'gw request hello -m gpt-4o --key-file kilo.key' <<'OUT'
error: no route takes requests of key `kilo-code`, and it may call no model directly (status 403)
  fix: add one with `gw route create NAME --key kilo-code --to PROVIDER/MODEL`, or allow models with `gw key set kilo-code --direct 'PROVIDER/*'`
OUT

say 'A route names what there is: a user, that user'"'"'s key, a provider'
fails 3 'gw route create kilo --user bob --key kilo-code --provider openai' <<'OUT'
error: route `kilo` names user `bob`, which does not exist
  fix: gw user create bob
OUT
fails 3 'gw route create kilo --user ann --key kilocode --provider openai' <<'OUT'
error: route `kilo` names key `kilocode`, which does not exist
  fix: gw key create kilocode --user USER
OUT
fails 3 'gw route create kilo --user ann --key kilo-code --provider openia' <<'OUT'
error: route `kilo` names provider `openia`, which does not exist
  fix: gw provider create openia --vendor VENDOR --credential-stdin
OUT
run 'gw route create kilo --user ann --key kilo-code --provider openai' <<'OUT'
route/kilo created
OUT
run 'gw route get' <<'OUT'
NAME  KEYS  TARGETS  REQUESTS  TOKENS  SPEND  ACTIVE  AGE
kilo  kilo-code  openai  0  0  $0  yes  AGE
OUT

say 'It serves at once, and that key alone'
run 'gw request hello -m gpt-4o --key-file kilo.key --explain' <<'OUT'
This is gw's mock, not a model. You said: hello
· openai/gpt-4o via route kilo, 1 attempt, 2+12 tokens, $0.000125, TOOK
OUT
fails 4 'gw request hello -m gpt-4o --key-file chat.key' <<'OUT'
error: no route takes requests of key `chat`, and it may call no model directly (status 403)
  fix: add one with `gw route create NAME --key chat --to PROVIDER/MODEL`, or allow models with `gw key set chat --direct 'PROVIDER/*'`
OUT
run 'curl -s $gateway/v1/chat/completions -H "Authorization: Bearer $(cat chat.key)" -d "$(chat hello gpt-4o)"; echo' <<'OUT'
{"error":{"message":"no route takes requests of key `chat`, and it may call no model directly (fix: add one with `gw route create NAME --key chat --to PROVIDER/MODEL`, or allow models with `gw key set chat --direct 'PROVIDER/*'`)","type":"permission_error","param":null,"code":"forbidden"}}
OUT

say 'Another key of hers goes to another provider'
run 'gw route create chat --user ann --key chat --provider claude --model claude-sonnet-4-5' <<'OUT'
route/chat created
OUT
run 'gw request hello -m anything --key-file chat.key --explain' <<'OUT'
This is gw's mock, not a model. You said: hello
· claude/claude-sonnet-4-5 via route chat, 1 attempt, 2+12 tokens, $0.000186, TOOK
OUT
soon 'gw key get' <<'OUT'
NAME  USER  ROUTE  REQUESTS  TOKENS  SPEND  STATUS  AGE
chat  ann  chat  3  14  $0.000186  active  AGE
kilo-code  ann  kilo  2  14  $0.000125  active  AGE
OUT
soon 'gw logs' <<'OUT'
TIME UTC  ID  KEY  MODEL  STATUS  TOOK  COST
TIME  ID  kilo-code  gpt-4o  403  TOOK  -
TIME  ID  kilo-code  gpt-4o  200  TOOK  $0.000125
TIME  ID  chat  gpt-4o  403  TOOK  -
TIME  ID  chat  gpt-4o  403  TOOK  -
TIME  ID  chat  →CUT…  200  TOOK  $0.000186
OUT

say 'A key of somebody else is not let in by naming both'
run 'gw user create bob' <<'OUT'
user/bob created
OUT
run 'gw key create bobs --user bob --output-file bobs.key' <<'OUT'
secret written to bobs.key
key/bobs created
OUT
run 'gw route create wrong --user ann --key bobs --provider openai' <<'OUT'
route/wrong created
OUT
fails 4 'gw request hello -m gpt-4o --key-file bobs.key' <<'OUT'
error: no route takes requests of key `bobs`, and it may call no model directly (status 403)
  fix: add one with `gw route create NAME --key bobs --to PROVIDER/MODEL`, or allow models with `gw key set bobs --direct 'PROVIDER/*'`
OUT
fails 3 'gw route explain wrong --key bobs -m gpt-4o' <<'OUT'
error: route `wrong` serves no key
  fix: bind it with: gw route set wrong --key KEY
OUT
run 'gw route delete wrong --yes' <<'OUT'
route/wrong deleted
OUT

say 'Deleting a user says what goes along, and takes it along'
fails 5 'gw user delete ann' <<'OUT'
error: user `ann` is referred to by key `chat`, key `kilo-code`, route `chat`, route `kilo`
  fix: delete those too with: gw user delete ann --cascade
OUT
run 'gw user delete ann --cascade --dry-run' <<'OUT'
user/ann would be deleted
key/chat would be deleted
key/kilo-code would be deleted
route/chat would be deleted
route/kilo would be deleted
OUT
run 'gw user delete ann --cascade --yes' <<'OUT'
user/ann deleted
key/chat deleted
key/kilo-code deleted
route/chat deleted
route/kilo deleted
OUT
run 'gw key get -o name' <<'OUT'
key/bobs
OUT
run 'gw route get' <<'OUT'
no routes yet; make one with: gw route create
OUT
fails 4 'gw request hello -m gpt-4o --key-file kilo.key' <<'OUT'
error: the API key is not valid (status 401)
  fix: gw key get
OUT
