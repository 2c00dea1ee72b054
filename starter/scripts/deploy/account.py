"""The AWS account: who deploys, in which region, and what must be installed."""

import os
import re
import shutil
from functools import cached_property

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from terminal import Stop

# The environment that make installs before each of these commands. Only a broken one lacks its programs. A plain `pip install`
# is refused by the Python of many systems, and make would still use this environment.
SAM_VENV = os.environ.get("SAM_VENV") or ".venv-sam"
FROM_MAKE = f"make installs it into {SAM_VENV}. Run `rm -r {SAM_VENV}`, and then the command again with make"
FIXES = {
    "cc": "apt-get install build-essential",
    "cargo": "install Rust from https://rustup.rs",
    "sam": FROM_MAKE,
    "cargo-lambda": FROM_MAKE,
}
_QUICK = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3})


class Account:
    """The account and region, and the identity of whoever deploys."""

    def __init__(self, region=None, profile=None):
        # boto3 does not read AWS_REGION.
        region = region or os.environ.get("AWS_REGION")
        try:
            self.session = boto3.Session(region_name=region, profile_name=profile)
            self.region = self.session.region_name
            if not self.region:
                raise Stop(
                    "there is no region. Set AWS_REGION, or the region of your profile (aws configure), or region in "
                    "samconfig.toml"
                )
        except BotoCoreError as error:
            raise not_accepted(error) from None

    @cached_property
    def identity(self):
        """The account and the ARN of whoever deploys, as AWS knows them. It needs credentials."""
        try:
            return self.client("sts").get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise not_accepted(error) from None

    def check_credentials(self):
        """Stops if AWS does not accept the credentials."""
        _ = self.identity

    @property
    def id(self):
        """The number of the account."""
        return self.identity["Account"]

    @property
    def caller(self):
        """The ARN of whoever deploys."""
        return self.identity["Arn"]

    def client(self, service):
        """Returns a client of a service in the region."""
        return self.session.client(service, config=_QUICK)

    @property
    def partition(self):
        """The first part of ARNs: `aws`, or that of China or GovCloud."""
        return self.session.get_partition_for_region(self.region)

    def principal(self):
        """Returns the caller as IamPrincipals names it: of a role, every session."""
        return re.sub(r"(:assumed-role/.+)/[^/]+$", r"\1/*", self.caller)


def not_accepted(error):
    """Returns the error for AWS that cannot be reached, or for credentials that are missing, expired or wrong."""
    if isinstance(error, (ConnectionError, HTTPClientError)):
        return Stop(f"AWS cannot be reached: {error}. Check the network, and the region")
    return Stop(f"AWS does not accept your credentials: {error}. Run `aws configure` or `aws sso login`, or set AWS_PROFILE")


def need(*tools):
    """Checks that tools are installed, and names all that are missing."""
    missing = [f"{tool} is missing: {FIXES[tool]}" for tool in tools if not shutil.which(tool)]
    if missing:
        raise Stop("; ".join(missing))


def code_of(error):
    """Returns the code of an error of AWS."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__


def message_of(error):
    """Returns the message of an error of AWS."""
    return error.response["Error"].get("Message", "") if isinstance(error, ClientError) else str(error)
