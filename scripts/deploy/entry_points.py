"""What the entry points of template.yaml mean, which stack each one needs, and who may call there."""

ENTRY_POINTS = {
    "server-token": "a server that you run, with the shared token",
    "browser-jwt": "browsers, each with the JWT of its user",
    "signed-url": "IAM roles, which sign each request",
    "cloudfront": "everybody, through CloudFront (own domain, WAF)",
    "rest-cognito": "users of a Cognito user pool, through a REST API",
    "rest-lambda": "callers that your Lambda authorizer accepts",
    "rest-iam": "IAM roles, through a REST API",
}
# The stack that an entry point needs besides the core.
STACKS = {"cloudfront": "cloudfront", "rest-cognito": "rest-api", "rest-lambda": "rest-api", "rest-iam": "rest-api"}

# What the policy of a caller must allow at the entry points where IAM checks it.
CALL_ACTIONS = {
    "signed-url": "lambda:InvokeFunctionUrl and lambda:InvokeFunction",
    "rest-iam": "execute-api:Invoke",
}

# The entry points at which the template accepts who may call. Of cloudfront it accepts origins only with an issuer.
_WITH_JWT = ("browser-jwt", "server-token", "signed-url", "cloudfront", "rest-iam")
CALLERS = {
    "IamPrincipals": ("signed-url", "rest-iam"),
    "UserJwtIssuer": _WITH_JWT,
    "UserJwtAudience": _WITH_JWT,
    "AllowedOrigins": ("browser-jwt", "cloudfront", "rest-cognito", "rest-lambda", "rest-iam"),
}
