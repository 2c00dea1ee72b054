"""Prints a template as the plain CloudFormation that SAM generates from it.

cfn-lint checks function URLs, permissions and roles only in this form. Nothing is deployed and AWS is not called.

Usage: expand-template.py template.yaml > expanded.json
"""

import json
import logging
import os
import sys

# The translator needs a region from botocore, for the names of partitions.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
# It warns about feature switches that exist only inside AWS's own service.
logging.getLogger("samtranslator.feature_toggle").setLevel(logging.ERROR)

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """Replaces the list of AWS's managed policies, which needs an account. No template uses SAM's names of them."""

    def load(self):
        return {}


def main(path):
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file)
    if "Transform" in template:
        for resource in template["Resources"].values():
            # `sam package` writes the address of the uploaded code here. The translator rejects a local folder.
            if "CodeUri" in resource.get("Properties", {}):
                resource["Properties"]["CodeUri"] = {"Bucket": "code-bucket", "Key": "code.zip"}
        template = transform(template, {}, NoManagedPolicies())
    json.dump(template, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])
