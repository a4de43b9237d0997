"""What providers publish of their requests, to hold against it what gw sends. Knows nothing of gw."""

import base64
import json
import re

import jsonschema
import yaml

SPECS = {
    "openai-chat": ("openai.openapi.yaml", "CreateChatCompletionRequest"),
    "openai-responses": ("openai.openapi.yaml", "CreateResponse"),
    "openai-embeddings": ("openai.openapi.yaml", "CreateEmbeddingRequest"),
    "anthropic-messages": ("anthropic.openapi.yml", "CreateMessageParams"),
    "gemini": ("google.generativelanguage.discovery.json", "GenerateContentRequest"),
}
# The calls of Cohere's client.
COHERE = {"cohere-chat": "chat", "cohere-embed": "embed"}
# Describes and judges nothing, or (`discriminator`) is no JSON Schema.
IDLE = {"description", "title", "example", "examples", "default", "deprecated", "discriminator", "format", "enumDescriptions"}


def reachable(schemas, name, convert):
    """The schema of this name and all that it refers to, as `$defs`."""
    found, open_ = {}, [name]
    while open_:
        name = open_.pop()
        if name not in found:
            # What is referred to and not described may be anything.
            found[name] = convert(schemas.get(name, {"type": "any"}), lambda other: (open_.append(other), f"#/$defs/{other}")[1])
    return found


def openapi(node, refer):
    if isinstance(node, list):
        return [openapi(item, refer) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return {"$ref": refer(node["$ref"].rsplit("/", 1)[1])}
    out = {}
    for key, value in node.items():
        if key == "properties":
            out[key] = {name: openapi(schema, refer) for name, schema in value.items()}
        elif key == "oneOf":
            # Alternatives overlap in the published descriptions: which of them it is, is not the question.
            out["anyOf"] = openapi(value, refer)
        elif key in ("enum", "const", "required"):
            out[key] = value
        elif key not in IDLE and not key.startswith("x-"):
            out[key] = openapi(value, refer)
    if node.get("nullable"):
        return {"anyOf": [out, {"type": "null"}]}
    return out


def discovery(node, refer):
    """Google's own description language. Names it does not know are refused by the API."""
    if "$ref" in node:
        return {"$ref": refer(node["$ref"])}
    kind = node.get("type")
    out = {} if kind == "any" else {"type": kind}
    if kind == "string" and str(node.get("format")).endswith("int64"):
        out = {"type": ["string", "integer"]}
    if "enum" in node:
        out["enum"] = node["enum"]
    if "items" in node:
        out["items"] = discovery(node["items"], refer)
    if "properties" in node:
        out["properties"] = {name: discovery(schema, refer) for name, schema in node["properties"].items()}
        out["additionalProperties"] = False
    if "additionalProperties" in node:
        out["additionalProperties"] = discovery(node["additionalProperties"], refer)
    return out


class Amazon:
    """The service model of Bedrock, by botocore's own check of parameters and by what else the model says of a value."""

    def __init__(self):
        from botocore.loaders import Loader
        from botocore.model import ServiceModel
        from botocore.validate import ParamValidator

        service = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
        self.shape, self.check = service.operation_model("Converse").input_shape, ParamValidator()

    def mistake(self, body):
        report = self.check.validate({**body, "modelId": "m"}, self.shape)
        if report.has_errors():
            return report.generate_report()[:200]
        return next(self.beyond(self.shape, body, ""), None)

    def beyond(self, shape, value, at):
        """Enumerations, patterns, upper bounds and base64, which botocore leaves to the service."""
        said = shape.metadata
        if shape.type_name == "structure" and not shape.is_document_type:
            for name, inner in value.items():
                yield from self.beyond(shape.members[name], inner, f"{at}.{name}")
        elif shape.type_name == "list":
            for number, inner in enumerate(value):
                yield from self.beyond(shape.member, inner, f"{at}[{number}]")
        elif shape.type_name == "map":
            for name, inner in value.items():
                yield from self.beyond(shape.key, name, f"{at}.{name}")
                yield from self.beyond(shape.value, inner, f"{at}.{name}")
        elif shape.type_name == "blob":
            try:
                base64.b64decode(value, validate=True)
            except ValueError as error:
                yield f"{at}: {error}"
        elif shape.type_name == "string":
            if said.get("enum") and value not in said["enum"]:
                yield f"{at}: {value!r} is none of {said['enum']}"
            if said.get("pattern") and not re.fullmatch(said["pattern"], value):
                yield f"{at}: {value[:80]!r} does not match {said['pattern'][:80]}"
        size = value if isinstance(value, (int, float)) else len(value) if hasattr(value, "__len__") else 0
        if said.get("max") is not None and size > said["max"]:
            yield f"{at}: {size} is more than {said['max']}"


class Cohere:
    """The types of Cohere's own client: what its calls take, and nothing else at any depth."""

    # What says which of its calls is made.
    BESIDE = {"stream"}

    def __init__(self, call):
        import inspect
        import typing

        import cohere
        import pydantic

        method = getattr(cohere.ClientV2, call)
        said, hints = inspect.signature(method).parameters, typing.get_type_hints(method, include_extras=True)
        names = [name for name in said if name not in ("self", "request_options")]
        # What may be left out has a default in the signature, and none in the type.
        self.required = {name for name in names if said[name].default is inspect.Parameter.empty}
        self.types = {name: pydantic.TypeAdapter(hints[name]) for name in names}
        self.wrong, self.base = pydantic.ValidationError, pydantic.BaseModel

    def mistake(self, body):
        missing = self.required - body.keys()
        if missing:
            return f"{', '.join(sorted(missing))}: missing"
        for name, value in body.items():
            if name in self.BESIDE:
                continue
            if name not in self.types:
                return f"{name}: unknown"
            try:
                read = self.types[name].validate_python(value)
            except self.wrong as error:
                return f"{name}: {str(error)[:200]}"
            found = self.unknown(read, name)
            if found:
                return f"{found}: unknown"
        return None

    def unknown(self, read, at):
        """What the client has no name for."""
        if isinstance(read, list):
            return next(filter(None, (self.unknown(one, f"{at}[{i}]") for i, one in enumerate(read))), None)
        if not isinstance(read, self.base):
            return None
        if read.model_extra:
            return f"{at}.{next(iter(read.model_extra))}"
        return next(filter(None, (self.unknown(one, f"{at}.{name}") for name, one in read)), None)


class Judges:
    """A validator for each format that is published."""

    def __init__(self, folder):
        self.folder, self.documents, self.validators = folder, {}, {}

    def document(self, name):
        if name not in self.documents:
            with open(f"{self.folder}/{name}") as file:
                self.documents[name] = json.load(file) if name.endswith("json") else yaml.load(file, Loader=yaml.CSafeLoader)
        return self.documents[name]

    def validator(self, api):
        if api == "bedrock-converse":
            self.validators.setdefault(api, Amazon())
        if api in COHERE:
            self.validators.setdefault(api, Cohere(COHERE[api]))
        if api not in self.validators:
            name, request = SPECS[api]
            document = self.document(name)
            google = "discoveryVersion" in document
            schemas = document["schemas"] if google else document["components"]["schemas"]
            found = reachable(schemas, request, discovery if google else openapi)
            schema = {"$defs": found, "$ref": f"#/$defs/{request}"}
            self.validators[api] = jsonschema.Draft202012Validator(schema)
        return self.validators[api]

    def mistake(self, api, body):
        """What is wrong with a request, or nothing."""
        if api == "bedrock-converse" or api in COHERE:
            return self.validator(api).mistake(body)
        error = jsonschema.exceptions.best_match(self.validator(api).iter_errors(body))
        if error is None:
            return None
        while error.context:
            # Of alternatives the one that got furthest was meant; one that is of another kind at once was not.
            branches = {}
            for inner in error.context:
                branches.setdefault(inner.schema_path[0], []).append(inner)
            meant = [b for b in branches.values() if not any(e.validator in ("const", "enum", "type") for e in b)]
            error = max(min(meant or branches.values(), key=len), key=lambda inner: len(inner.absolute_path))
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
        return f"{where or '.'}: {error.message[:200]}"
