"""What is in the account, and the errors of AWS."""

import json

ACCOUNT, REGION = "123456789012", "eu-central-1"
TOKEN = "sample-token"
TOKEN_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:SharedToken-AbCdEfGhIjKl-Zx1234"
TIME = "2026-11-27T12:00:00.000Z"

state = {
    "calls": [],
    "stacks": {},
    "change_sets": {},
    "objects": {},
    "functions": {},
    "secrets": {TOKEN_ARN: json.dumps({"token": TOKEN})},
    "runs": 0,
    "asked": [],
    "play": {},
}


class Refused(Exception):
    """An error of AWS."""

    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
