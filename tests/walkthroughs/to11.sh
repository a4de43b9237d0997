#!/bin/sh
# to11's walkthrough: connecting providers with each kind of credential, names that rules use and names that people read,
# environments, testing a connection and finding its models.
. "$(dirname "$0")/kit.sh"

export PROVIDER_KEY=sk-provider-1234567890abcdef
simulator openai --expect-credential-env PROVIDER_KEY
simulator xai --expect-credential-env PROVIDER_KEY
# The gateway's own environment: what `--credential-ref` reads, and this terminal's does not have.
XAI_API_KEY=$PROVIDER_KEY serve

say 'Connecting tries the credential first, and stores nothing that does not work'
fails 2 'echo sk-wrong-1234567890abcdef | gw provider create oai --vendor openai --base-url $openai/v1 --credential-stdin' <<'OUT'
error: provider `oai` was not stored: it refused the credential (HTTP 401)
  fix: mend it, or store it untested with --verify=false
OUT
run 'gw provider get' <<'OUT'
no providers yet; make one with: gw provider create
OUT

say 'Managed: read here and now, kept by the gateway, from standard input, a variable or a file'
run 'echo $PROVIDER_KEY | gw provider create by-stdin --vendor openai --base-url $openai/v1 --credential-stdin' <<'OUT'
tested by-stdin: ok, 7 models (TOOK)
provider/by-stdin created
OUT
run 'gw provider create by-variable --vendor openai --base-url $openai/v1 --credential-env PROVIDER_KEY' <<'OUT'
tested by-variable: ok, 7 models (TOOK)
provider/by-variable created
OUT
run 'echo $PROVIDER_KEY >provider.key; gw provider create by-file --vendor openai --base-url $openai/v1 --credential-file provider.key' <<'OUT'
tested by-file: ok, 7 models (TOOK)
provider/by-file created
OUT
run 'unset PROVIDER_KEY; rm provider.key; gw provider test' <<'OUT'
tested by-file: ok, 7 models (TOOK)
tested by-stdin: ok, 7 models (TOOK)
tested by-variable: ok, 7 models (TOOK)
OUT

say 'By reference: nothing kept, the gateway reads it when it is used'
run 'gw provider create xai --vendor xai --base-url $xai/v1 --credential-ref env:XAI_API_KEY' <<'OUT'
tested xai: ok, 7 models (TOOK)
provider/xai created
OUT
run 'gw provider create missing --vendor xai --base-url $xai/v1 --credential-ref env:NOT_THERE --verify=false' <<'OUT'
warning: provider `missing` cannot be used as things are: `NOT_THERE` is not set; the gateway goes on trying
provider/missing created
OUT

say 'Passed through: nothing kept, each caller brings a key of its own'
run 'gw provider create own --vendor openai --base-url $openai/v1 --passthrough' <<'OUT'
tested own: callers bring the credential, so there is none to try (TOOK)
provider/own created
OUT
run 'gw provider get' <<'OUT'
NAME  VENDOR  CREDENTIAL  MODELS  HEALTH  STATUS  AGE
by-file  openai  sealed  0  ok  enabled  AGE
by-stdin  openai  sealed  0  ok  enabled  AGE
by-variable  openai  sealed  0  ok  enabled  AGE
missing  xai  env:NOT_THERE  0  unverified  enabled  AGE
own  openai  passthrough  0  unverified  enabled  AGE
xai  xai  env:XAI_API_KEY  0  ok  enabled  AGE
OUT
run 'gw provider describe xai | grep credential' <<'OUT'
credential  env:XAI_API_KEY
status.credential  env:XAI_API_KEY
status.credential_detail  env:XAI_API_KEY
OUT
run 'gw export provider -o yaml | grep credential' <<'OUT'
credentials are not exported: set BY_FILE_API_KEY, BY_STDIN_API_KEY, BY_VARIABLE_API_KEY where this is applied; a gateway that has them needs none
  credential: managed
  credential_from:
  credential: managed
  credential_from:
  credential: managed
  credential_from:
  credential: env:NOT_THERE
  credential: passthrough
  credential: env:XAI_API_KEY
OUT

run 'gw -q user create me && gw -q key create mine --user me --output-file mine.key' <<'OUT'
OUT
run 'gw route create own --key mine --to own' <<'OUT'
route/own created
OUT
fails 2 'gw request hello -m gpt-4o --key-file mine.key' <<'OUT'
error: provider `own` passes the caller's own key through, and none was sent (status 400)
  from own/gpt-4o via route own, 1 attempt
  TRY  TARGET  START  TOOK  STATUS  CLASS  REASON
  1  own/gpt-4o  TOOK  TOOK  -  unfit  provider `own` passes the caller's own key through, and none was sent (fix: send the gateway key as `x-gw-key` and the provider's key as usual); no target left
  fix: send the gateway key as `x-gw-key` and the provider's key as usual
OUT
run 'curl -s $gateway/v1/chat/completions -H "x-gw-key: $(cat mine.key)" -H "Authorization: Bearer sk-provider-1234567890abcdef" -d "$(chat hello gpt-4o)" | grep -o "\"content\":\"[^\"]*\""' <<'OUT'
"content":"This is gw's mock, not a model. You said: hello"
OUT
run 'curl -s $gateway/v1/chat/completions -H "x-gw-key: $(cat mine.key)" -H "Authorization: Bearer sk-another-1234567890abcdef" -d "$(chat hello gpt-4o)" -D headers; echo; grep -i ^x-gw-origin headers' <<'OUT'
{"error":{"message":"Incorrect API key provided to the mock.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}
x-gw-origin: provider
OUT

say 'The name is what routes use and stays; what people read may change'
run 'gw provider set by-file --display-name "OpenAI, Frankfurt"' <<'OUT'
provider/by-file configured
OUT
run 'gw provider describe by-file | grep name' <<'OUT'
name  by-file
display_name  OpenAI, Frankfurt
OUT
run 'gw route set own --to by-file && gw request hello -m gpt-4o --key-file mine.key --explain' <<'OUT'
route/own configured
This is gw's mock, not a model. You said: hello
· by-file/gpt-4o via route own, 1 attempt, 2+12 tokens, $0.000125, TOOK
OUT
fails 3 'gw route set own --to "OpenAI, Frankfurt"' <<'OUT'
error: route `own` names provider `OpenAI, Frankfurt`, which does not exist
  fix: list them with: gw provider get
OUT

say 'Environments: a connection is active where it says, and elsewhere as if it were not there'
run 'gw provider set by-variable --environments staging' <<'OUT'
provider/by-variable configured
OUT
run 'gw provider set by-file --environments production' <<'OUT'
provider/by-file configured
OUT
run 'gw -q key create stage --user me --environment staging --output-file stage.key' <<'OUT'
OUT
run 'gw -q key create live --user me --environment production --output-file live.key' <<'OUT'
OUT
run 'gw route create both --user me --to by-variable --to by-file' <<'OUT'
route/both created
OUT
run 'gw request hello -m gpt-4o --key-file stage.key -o value=.route.provider' <<'OUT'
by-variable
OUT
run 'gw request hello -m gpt-4o --key-file live.key -o value=.route.provider' <<'OUT'
by-file
OUT
run 'gw route explain both --key live -m gpt-4o' <<'OUT'
as key live of user me in production, asking for gpt-4o (openai-chat)

ROUTE  BOUND BY  PRIORITY  WHY
both  user  0  decides: the key's user comes first

both, fallback: in order
TRY  TARGET  TIER  WEIGHT  FIRST
1  by-file/gpt-4o  1  1  100 %

LEFT OUT  WHY
by-variable  provider is not active in the key's environment

moves on after connect, timeout, 429, 5xx, credential; 2 times more when all have failed
timers: connect 10s, whole answer 10m

would use by-file/gpt-4o
OUT
run 'gw provider set by-file --environments staging' <<'OUT'
provider/by-file configured
OUT
fails 9 'gw request hello -m gpt-4o --key-file live.key' <<'OUT'
error: route `both` has no target left (`by-variable`: provider is not active in the key's environment; `by-file`: provider is not active in the key's environment) (status 503)
  fix: see `gw route explain both`
OUT

say 'Testing a connection, and finding its models; only those picked can be routed to'
run 'gw provider test by-file' <<'OUT'
tested by-file: ok, 7 models (TOOK)
OUT
run 'gw provider test by-file -m mock' <<'OUT'
tested by-file: ok, the model answered (TOOK)
OUT
run 'gw provider discover by-file' <<'OUT'
echo
mock
mock-429
mock-500
mock-drop-after-3
mock-embedding
mock-slow-800
OUT
run 'gw provider set by-file --models "mock*" --environments staging,production' <<'OUT'
provider/by-file configured
OUT
run 'gw route set both --to by-file' <<'OUT'
route/both configured
OUT
run 'gw request hello -m mock --key-file live.key -o value=.route.model' <<'OUT'
mock
OUT
fails 9 'gw request hello -m gpt-4o --key-file live.key' <<'OUT'
error: route `both` has no target left (`by-file`: provider does not expose the model) (status 503)
  fix: see `gw route explain both`
OUT
run 'gw provider discover by-file --enable' <<'OUT'
echo
mock
mock-429
mock-500
mock-drop-after-3
mock-embedding
mock-slow-800
7 models enabled
OUT
run 'gw model get --provider by-file' <<'OUT'
NAME  PROVIDER  CONTEXT  IN$/M  OUT$/M  CAPS  STATUS
by-file/echo  by-file  -  -  -  -  enabled
by-file/mock  by-file  -  -  -  -  enabled
by-file/mock-429  by-file  -  -  -  -  enabled
by-file/mock-500  by-file  -  -  -  -  enabled
by-file/mock-drop-after-3  by-file  -  -  -  -  enabled
by-file/mock-embedding  by-file  -  -  -  -  enabled
by-file/mock-slow-800  by-file  -  -  -  -  enabled
OUT
run 'gw model disable by-file/mock' <<'OUT'
model/by-file/mock disabled
no longer to be asked for through: both,own
OUT
fails 9 'gw request hello -m mock --key-file live.key' <<'OUT'
error: route `both` has no target left (`by-file`: model is disabled) (status 503)
  fix: see `gw route explain both`
OUT

say 'How a model may be named: a provider in front means that provider'
run 'gw route delete own both --yes && gw key set mine --direct "*"' <<'OUT'
route/own deleted
route/both deleted
key/mine configured
OUT
run 'gw request hello -m xai/grok-4 --key-file mine.key -o value=.route.provider' <<'OUT'
xai
OUT
fails 3 'gw request hello -m mock-embedding --key-file mine.key' <<'OUT'
error: no provider serves the model `mock-embedding` (status 404)
  fix: list what this key may call with GET /v1/models
OUT
fails 3 'gw request hello -m nobodys-model --key-file mine.key' <<'OUT'
error: no provider serves the model `nobodys-model` (status 404)
  fix: list what this key may call with GET /v1/models
OUT

say 'No credential shows anywhere'
run 'gw logs export | grep -c sk-provider || :' <<'OUT'
0
OUT
