"""Random requests as botocore signs them, one JSON object a line, for gw to sign again: `aws_signing.py SEED COUNT`."""

import base64
import datetime
import json
import random
import sys
from urllib.parse import quote

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

MODELS = [
    "anthropic.claude-3-haiku-20240307-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "amazon.nova-pro-v1:0:300k",
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-1-20250805-v1:0",
    "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:application-inference-profile/a1b2c3d4e5f6",
    "arn:aws:sagemaker:us-west-2:123456789012:endpoint/a model, (copy)/ü+1",
]
TYPES = ["application/json", "application/x-amz-json-1.1", "multipart/form-data;  boundary=x  y"]
EXTRA = ["X-Amzn-Bedrock-GuardrailIdentifier", "x-amzn-bedrock-trace", "X-Amz-Target", "x-amz-meta"]
PCHAR = "abzAZ019-._~!$&'()*+,;=:@"


def text(dice, alphabet, most):
    return "".join(dice.choice(alphabet) for _ in range(dice.randrange(most)))


def segment(dice):
    kind = dice.randrange(6)
    if kind < 3:
        # As botocore's own serializer writes it, with bare colons, and with bare slashes as well.
        return quote(dice.choice(MODELS), safe=["~", ":~", ":/~"][kind])
    if kind == 3:
        return dice.choice(["", ".", "..", "model", "converse", "invoke-with-response-stream"])
    return quote(text(dice, PCHAR + " %é/?#", 12), safe=PCHAR)


def query(dice):
    pairs = []
    for _ in range(dice.randrange(4)):
        name, value = (quote(text(dice, PCHAR + " %é/&", 5), safe="") for _ in range(2))
        pairs.append(dice.choice([f"{name}={value}", name, f"{name}=", f"b={value}", f"B={value}"]))
    return "&".join(pairs)


def case(dice):
    region = dice.choice(["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "ap-southeast-7"])
    service = dice.choice(["bedrock", "bedrock-mantle", "sagemaker", "sts"])
    host = dice.choice([f"bedrock-runtime.{region}.amazonaws.com", "127.0.0.1:8080", "vpce-1.example"])
    target = "/" + "/".join(segment(dice) for _ in range(dice.randrange(5)))
    if asked := query(dice):
        target += "?" + asked
    headers = {}
    if dice.random() < 0.9:
        headers["Content-Type"] = dice.choice(TYPES)
    for name in dice.sample(EXTRA, dice.randrange(3)):
        headers[name] = text(dice, "ab1 =;,\"'", 15).strip() or "x"
    body = dice.randbytes(dice.choice([0, 2, 300]))
    alphabet = "abcXYZ019/+="
    keys = ["AKIA" + text(dice, "ABC019", 17), "s" + text(dice, alphabet, 40), None]
    if dice.random() < 0.5:
        keys[2] = "t" + text(dice, alphabet, 400)
    method = dice.choice(["POST", "POST", "POST", "GET", "PUT", "DELETE"])
    second = dice.randrange(4_000_000_000)
    time = datetime.datetime.fromtimestamp(second, datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda: time
    request = AWSRequest(method, f"https://{host}{target}", dict(headers), body)
    botocore.auth.SigV4Auth(Credentials(*keys), service, region).add_auth(request)
    signed = ["Authorization", "X-Amz-Date", "X-Amz-Security-Token"]
    return {
        "method": method,
        "host": host,
        "target": target,
        "headers": headers,
        "body": base64.b64encode(body).decode(),
        "keys": keys,
        "region": region,
        "service": service,
        "second": second,
        "signed": {name.lower(): request.headers[name] for name in signed if name in request.headers},
    }


dice = random.Random(int(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    print(json.dumps(case(dice)))
