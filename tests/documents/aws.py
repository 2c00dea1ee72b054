"""What is in AWS when commands of the documents run: the contents of moto, and what plays CloudFront."""

import hashlib
import io
import json
import urllib.error
import urllib.request
import zipfile
from http.server import BaseHTTPRequestHandler

import boto3

REGION, ACCOUNT = "eu-central-1", "123456789012"
# The shared token of every function here, and the name of the function that moto has.
TOKEN = "shared-token-of-the-documents-0123456789"
FUNCTION = "ag-ui-agent-Agent-1"


class CloudFront(BaseHTTPRequestHandler):
    """Refuses a body whose hash the client has not sent, as a function URL behind CloudFront does, and passes others on."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("x-amz-content-sha256") != hashlib.sha256(body).hexdigest():
            self.send_error(403, "The request signature does not match")
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        try:
            response = urllib.request.urlopen(urllib.request.Request(self.server.function, body, headers), timeout=60)
        except urllib.error.HTTPError as error:
            response = error
        self.send_response(response.status)
        self.send_header("content-type", response.headers["content-type"])
        self.end_headers()
        self.wfile.write(response.read())

    def log_message(self, *arguments):
        """Prints nothing."""


def fill_moto(url):
    """Makes what commands of the documents name."""
    keys = {"region_name": REGION, "aws_access_key_id": "test", "aws_secret_access_key": "test", "endpoint_url": url}
    client = {name: boto3.client(name, **keys) for name in ("iam", "lambda", "dynamodb", "secretsmanager", "cloudwatch")}
    role = client["iam"].create_role(RoleName="agent", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client["lambda"].create_function(
        FunctionName=FUNCTION, Runtime="provided.al2023", Handler="bootstrap", Role=role, Code={"ZipFile": zipped("first")},
        Publish=True,
    )
    client["lambda"].update_function_code(FunctionName=FUNCTION, ZipFile=zipped("second"), Publish=True)
    client["lambda"].create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="1")
    client["dynamodb"].create_table(
        TableName="agui", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    for name in ("agui/shared-token", "agui/who"):
        client["secretsmanager"].create_secret(Name=name, SecretString=json.dumps({"token": TOKEN, "key": "0123456789abcdef" * 2}))
    for name in ("throttles", "errors", "failed-runs"):
        client["cloudwatch"].put_metric_alarm(
            AlarmName=f"{FUNCTION}-{name}", MetricName="Throttles", Namespace="AWS/Lambda", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )


def zipped(program):
    """A package of a function."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("bootstrap", program)
    return package.getvalue()
