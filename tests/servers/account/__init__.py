"""The parts of the AWS account that tests/servers/aws_account.py plays."""
