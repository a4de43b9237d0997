"""Amazon's client, as both programs that drive it have it."""

import os

import boto3
from botocore.config import Config
from common import GW, MOCK

TOKEN = "AWS_BEARER_TOKEN_BEDROCK"
DEFAULTS = {"region_name": "us-east-1", "config": Config(retries={"total_max_attempts": 1}, read_timeout=30)}


def make(base: str, key: str):
    """One that presents gw's key where Amazon's own API keys are; keys are only sent where nobody listens in. The mock
    itself is not spoken to like that: it gets signed requests."""
    if base == MOCK:
        return signing(base)
    # Read whenever a request is made.
    os.environ[TOKEN] = key
    return client(base)


def signing(base: str):
    """One that signs what it sends."""
    os.environ.pop(TOKEN, None)
    return client(base, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret", aws_session_token="token")


def client(base: str, **keys):
    verify = os.environ["GW_CERTIFICATE"] if base == GW else None
    return boto3.Session(**keys).client("bedrock-runtime", endpoint_url=base, verify=verify, **DEFAULTS)


def signed(ask):
    """Signed requests are for Amazon: gw cannot know whose they are, and says so."""

    def run(client):
        where, key = client.meta.endpoint_url, os.environ.get(TOKEN)
        try:
            ask(signing(where))
        except client.exceptions.ClientError as error:
            told = error.response["ResponseMetadata"]["HTTPStatusCode"], "signed with AWS credentials" in str(error)
            assert told == (401, True), error
        else:
            assert where == MOCK
        finally:
            if key:
                os.environ[TOKEN] = key
        return None, None

    return run


def raw(ask):
    """What comes beside an answer."""

    def run(client):
        heads = []
        client.meta.events.register("after-call", lambda parsed, **_: heads.append(parsed["ResponseMetadata"]))
        answer = ask(client)
        assert heads[-1]["HTTPHeaders"].get("x-amzn-requestid"), heads
        return answer[0], answer[1] | {"status": heads[-1]["HTTPStatusCode"], "type": heads[-1]["HTTPHeaders"]["content-type"]}

    return run
