"""A run with curl, as lines for a shell. None is longer than 80 columns, so that a person can paste them."""

import os
import re

from terminal import Stop

BODY = [
    'BODY=\'{"threadId":"thread-1","runId":"run-2","protocolVersion":"1.0",',
    '"messages":[{"id":"msg-1","role":"user","content":"Hello!"}]}\'',
]
# The headers in which users are proven. $JWT is the token of a user.
USER_TOKEN = "x-agui-user-token: $JWT"
BEARER = "authorization: Bearer $JWT"


def token_header(setting):
    """Returns the name of the header with the shared token, which AGUI_TOKEN_HEADER sets, if it is set and not empty."""
    header = setting or "x-agui-token"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", header):
        raise Stop(f"AGUI_TOKEN_HEADER is {header}; it must be the name of an HTTP header, of letters, digits and hyphens")
    return header


def shared_token(header):
    """Returns the header with the shared token. $TOKEN is the token."""
    return f"{header}: $TOKEN"


def read(header):
    """Returns the line that reads what a header needs from the keyboard, without showing it. Not every shell has `read -s`."""
    return f"stty -echo; printf 'Token: '; read -r {header.rpartition('$')[2]}; stty echo"


def run(url, headers, variables=(), signed=None, is_hashed=False):
    """Returns the lines of a run.

    `variables` are lines that set what the headers need, `signed` is the service and the region of a signature of AWS, and
    with `is_hashed` the request has the hash of its body.
    """
    lines = [*variables, f"URL={url}", *BODY]
    options = ["-H 'content-type: application/json'", *(f'-H "{header}"' for header in headers)]
    if is_hashed:
        lines.append('HASH=$(printf %s "$BODY" | openssl dgst -sha256 -r | cut -c 1-64)')
        options.append('-H "x-amz-content-sha256: $HASH"')
    if signed:
        service, region = signed
        if "AWS_ACCESS_KEY_ID" not in os.environ:
            lines.append('eval "$(aws configure export-credentials --format env)"')
        options += [
            f"--aws-sigv4 aws:amz:{region}:{service}",
            '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"',
            '-H "x-amz-security-token: $AWS_SESSION_TOKEN"',
        ]
    lines.append('curl -N "$URL" -d "$BODY" \\')
    lines += [f"  {option} \\" for option in options[:-1]]
    return [*lines, f"  {options[-1]}"]
