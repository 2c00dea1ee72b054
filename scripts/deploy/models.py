"""The model: what the function may invoke, and whether this account can use it.

Each model of Bedrock gets one small request with the credentials of whoever deploys. The first request of an account also
subscribes to the model on AWS Marketplace, which the function's role may not do. Keys of other providers are looked up.
"""

import difflib
import fnmatch
import json
import re

from botocore.exceptions import BotoCoreError, ClientError

import mantle
from account import code_of, message_of
from terminal import Stop, say

# An inference profile has the name of the model behind one of these prefixes.
_PROFILE = re.compile(r"(global|us-gov|us|eu|apac|au|jp|ca|sa|me|af|uk|in|kr)\.(?=[a-z0-9-]+\.)")
# Adapters whose models need no key of a provider.
_WITHOUT_KEY = ("bedrock", "mantle", "mantle-responses", "ollama", "scripted")
_WITH_KEY = (
    *("openai", "openai-responses", "anthropic", "gemini", "groq", "mistral", "deepseek", "xai", "together", "fireworks"),
    *("openrouter", "nebius", "zai", "moonshot", "minimax"),
)

FORM = """Anthropic's models need a form about your use of them, once in each account:
  Bedrock console > Model catalog > a model of Anthropic > Submit use case details"""
MARKETPLACE = """Most models are sold through AWS Marketplace. The first request of an account subscribes to the \
model, and whoever sends it needs these permissions:
  aws-marketplace:ViewSubscriptions aws-marketplace:Subscribe
Run this command once as somebody who has them. The function's role does not get them, because it serves the public. A \
subscription can take two minutes to be valid. If the organisation has forbidden Marketplace, its administrator must \
allow the model."""


class ModelDenied(Exception):
    """The account cannot use the model. The message explains what to do."""


def split(models):
    """Splits `adapter/id,adapter/id` into pairs."""
    return [tuple(model.split("/", 1)) if "/" in model else (model, "") for model in models.split(",") if model]


def check_adapters(models):
    """Refuses an adapter that the function does not have, and names the one that may be meant."""
    known = sorted(_WITHOUT_KEY + _WITH_KEY)
    for adapter, _ in split(models):
        if adapter not in known:
            near = difflib.get_close_matches(adapter, known, 1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise Stop(f"there is no adapter {adapter}, which Model names.{meant} The adapters are: {', '.join(known)}")


def key_names(models):
    """Returns the names that the secret with the providers' keys must have."""
    adapters = [adapter for adapter, _ in split(models) if adapter not in _WITHOUT_KEY]
    # openai and openai-responses are two interfaces of one provider.
    return sorted({f"{adapter.removesuffix('-responses').upper().replace('-', '_')}_API_KEY" for adapter in adapters})


def bedrock_arns(models, partition):
    """Returns BedrockModelArns. It is empty without a model of Bedrock, and for one that comes first, whose ARNs the template finds
    by its name."""
    pairs = split(models)
    ids = [model for adapter, model in pairs if adapter == "bedrock"]
    if not ids or (len(ids) == 1 and pairs[0][0] == "bedrock" and not ids[0].startswith("arn:")):
        return ""
    arns = []
    for model in ids:
        if model.startswith("arn:"):
            arns.append(model)
            continue
        base = _PROFILE.sub("", model, count=1)
        if base != model:
            arns.append(f"arn:{partition}:bedrock:*:*:inference-profile/{model}")
        arns.append(f"arn:{partition}:bedrock:*::foundation-model/{base}")
        if model.startswith("global."):
            arns.append(f"arn:{partition}:bedrock:::foundation-model/{base}")
    return ",".join(dict.fromkeys(arns))


def check_arns(models, arns, partition):
    """Refuses BedrockModelArns that do not allow what Model names. The template has no function that could compare them."""
    ids = [model for adapter, model in split(models) if adapter == "bedrock"]
    derived = bedrock_arns(models, partition)
    correct = f"PARAMETERS='BedrockModelArns={derived}'"
    if not arns:
        if derived:
            raise Stop(f"the function may not invoke each model of Model={models}. Allow them:\n  {correct}")
        return
    if not ids:
        raise Stop(f"BedrockModelArns allows models of Bedrock, and Model={models} names none. Empty it:\n  {correct}")
    for model in ids:
        missing = [resource for resource in _resources(model) if not _is_allowed(resource, arns)]
        if missing:
            raise Stop(
                f"Model names {model}, and BedrockModelArns does not allow {missing[0]}. What Model needs, to which you can add more:"
                f"\n  {correct}"
            )


def _resources(model):
    """Returns what must be allowed for a model, without what is before it in an ARN."""
    if model.startswith("arn:"):
        return [model.split(":", 5)[-1]]
    base = _PROFILE.sub("", model, count=1)
    profile = [f"inference-profile/{model}"] if base != model else []
    return [*profile, f"foundation-model/{base}"]


def _is_allowed(resource, arns):
    return any(fnmatch.fnmatchcase(resource, arn.split(":", 5)[-1]) for arn in arns.split(","))


def find_secret(account, name):
    """Returns the complete ARN of a secret that is named by its name or ARN."""
    try:
        return account.client("secretsmanager").describe_secret(SecretId=name)["ARN"]
    except (BotoCoreError, ClientError) as error:
        raise Stop(f"the secret {name} cannot be found in {account.region}: {message_of(error)}") from None


def check_secret(account, secret, models):
    """Checks that the secret has a key for each provider."""
    names = key_names(models)
    if not names:
        return
    example = json.dumps({name: "..." for name in names})
    if not secret:
        raise ModelDenied(
            f"The key of this provider must be in a secret. Create one and name it after the model, with a blank between "
            "them, or give its ARN as ModelSecretArn:\n"
            f"  aws secretsmanager create-secret --region {account.region} \\\n"
            f"    --name model-keys --secret-string '{example}'"
        )
    try:
        value = account.client("secretsmanager").get_secret_value(SecretId=secret).get("SecretString")
    except (BotoCoreError, ClientError) as error:
        if code_of(error) == "ResourceNotFoundException":
            raise ModelDenied(f"There is no secret {secret}: {message_of(error)}") from None
        say(f"Note: you may not read the secret of the keys, so it was not checked: {message_of(error)}")
        return
    try:
        keys = json.loads(value)
    except (ValueError, TypeError):
        keys = None
    if not isinstance(keys, dict):
        raise ModelDenied(f"The secret {secret} is not JSON of the form {example}")
    missing = [name for name in names if not keys.get(name)]
    if missing:
        raise ModelDenied(f"The secret {secret} has no {' and no '.join(missing)}. Its value must be JSON: {example}")


def check_access(account, models):
    """Sends one small request to each model of Bedrock, at either of its endpoints."""
    for adapter, model in split(models):
        if adapter not in ("bedrock", "mantle", "mantle-responses"):
            continue
        say(f"Checking that this account can use {model}")
        try:
            if adapter == "bedrock":
                account.client("bedrock-runtime").converse(
                    modelId=model,
                    messages=[{"role": "user", "content": [{"text": "Answer with one word: hello"}]}],
                    inferenceConfig={"maxTokens": 16},
                )
            else:
                mantle.ask(account.session, account.region, adapter, model)
        except mantle.Refused as error:
            message, explained = f"{error.status}: {error}", _explain_mantle(model, error, account.region)
        except (BotoCoreError, ClientError) as error:
            message, explained = message_of(error), _explain(model, error, account.region)
        except OSError as error:
            message, explained = str(error), None
        else:
            continue
        if explained is None:
            say(f"Note: access to {model} was not checked: {message}")
        else:
            raise ModelDenied(explained)


def _explain(model, error, region):
    """Returns what to do about a refusal of Bedrock; None if it says nothing about the account's access."""
    code, message = code_of(error), message_of(error)
    refused = f"Bedrock refuses {model} in {region}: {message}"
    if "use case details" in message:
        return f"{refused}\n\n{FORM}\nAccess follows within 15 minutes."
    if code == "AccessDeniedException":
        if "bedrock:InvokeModel" in message and "marketplace" not in message.lower():
            return None  # Only whoever deploys is denied. The function has a role of its own.
        return f"{refused}\n\n{MARKETPLACE}\n\n{FORM}"
    if code in ("ResourceNotFoundException", "ValidationException"):
        profile = ""
        if "on-demand" in message and not _PROFILE.match(model):
            profile = f"\nThis model needs an inference profile: try bedrock/global.{model}"
        return f"{refused}{profile}\nThe Bedrock console lists the models of a region under Model catalog."
    return None


def _explain_mantle(model, error, region):
    """Returns what to do about a refusal of bedrock-mantle; None if it may concern only whoever deploys."""
    message = str(error)
    if 300 <= error.status < 400:
        return (
            f"Bedrock's endpoint bedrock-mantle answers with the redirect {error.status}, which is not followed, because the "
            "other server would get the key. Something in front of the endpoint sends it, or AWS_BEDROCK_BASE_URL is wrong."
        )
    refused = f"Bedrock's endpoint bedrock-mantle refuses {model} in {region}: {message}"
    if "use case details" in message:
        return f"{refused}\n\n{FORM}\nAccess follows within 15 minutes."
    if "marketplace" in message.lower():
        return f"{refused}\n\n{MARKETPLACE}"
    if error.status == 404 or "route" in message:
        return (
            f"{refused}\nThe card of a model in the Bedrock console says in which regions it is, and with which API: mantle/... "
            "is Chat Completions, mantle-responses/... is Responses."
        )
    return None
