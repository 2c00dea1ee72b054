"""Prints template.yaml as the plain CloudFormation that SAM makes of it.

cfn-lint looks into function URLs, permissions and roles only in this form. Nothing is deployed and AWS is not asked.

Usage: expand-template.py template.yaml > expanded.json
"""

import json
import logging
import os
import sys

# The translator asks botocore for a region before it does anything; partition names come from it.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
# It warns of switches of AWS's own service, which are not there outside of it.
logging.getLogger("samtranslator.feature_toggle").setLevel(logging.ERROR)

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """Stands in for the list of AWS's managed policies, which only an account can give. The template names none."""

    def load(self):
        return {}


def main(path):
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file)
    for resource in template["Resources"].values():
        # `sam package` puts the uploaded code here; the translator refuses a local folder.
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = {"Bucket": "code-bucket", "Key": "code.zip"}
    expanded = transform(template, {}, NoManagedPolicies())
    json.dump(expanded, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])
