"""Secrets Manager: secrets that are named by their name or ARN. A value is a text, or an object with `SecretBinary`."""

from .state import ACCOUNT, REGION, Refused, state


def secrets_manager(action, fields):
    if action == "CreateSecret":
        arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{fields['Name']}-AbCdEf"
        state["secrets"][arn] = fields["SecretString"]
        return {"ARN": arn, "Name": fields["Name"]}
    found = next((arn for arn in state["secrets"] if fields["SecretId"] in (arn, arn.split(":")[-1][:-7])), None)
    if f"secretsmanager:{action}" in state["play"].get("denied", []):
        raise Refused("AccessDeniedException", f"User is not authorized to perform: secretsmanager:{action}")
    if found is None:
        raise Refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    value = state["secrets"][found]
    content = value if isinstance(value, dict) else {"SecretString": value}
    return {"ARN": found, "Name": found.split(":")[-1][:-7], **content}
