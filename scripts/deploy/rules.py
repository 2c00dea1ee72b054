"""The Rules of a template, checked before anything is changed. CloudFormation checks those of a stack when it is deployed."""


def broken_rule(expressions):
    """Returns what the first assertion says that does not hold, or None. What cannot be calculated here is left to CloudFormation."""
    for name, rule in expressions.template["Rules"].items():
        for assertion in rule["Assertions"]:
            try:
                if expressions.value(rule.get("RuleCondition", "always")) and not expressions.value(assertion["Assert"]):
                    return assertion.get("AssertDescription", f"The rule {name} does not hold.")
            except LookupError:
                continue
    return None
