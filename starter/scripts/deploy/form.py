"""The form of a template, checked before its values are read: a name with nothing below it is an error with this name."""

from terminal import Stop

# Sections that may be missing or empty.
_SECTIONS = ("Globals", "Parameters", "Rules", "Conditions", "Outputs")


def well_formed(path, template):
    """Returns a template all of whose sections are there, or stops with the name of what has another form."""
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise Stop(f"{path} has no Resources, so it is no template of CloudFormation")
    sections = {name: template.get(name) or {} for name in _SECTIONS}
    for name, section in sections.items():
        _check_mapping(section, f"{path}: {name}")
    # Macros and loops, such as Fn::ForEach::Topics, are no resources yet.
    resources = {name: of for name, of in template["Resources"].items() if not name.startswith("Fn::")}
    for name, resource in resources.items():
        _check_resource(resource, name, path)
    for name, declared in sections["Parameters"].items():
        _check_parameter(declared, name, path)
    for name, rule in sections["Rules"].items():
        _check_rule(rule, name, path)
    return {**template, **sections, "Resources": resources}


def mapping_at(of, *names):
    """Returns the mapping below these names, or an empty one if it is not there or is calculated by a function."""
    for name in names:
        of = of.get(name) if isinstance(of, dict) else None
    return of if isinstance(of, dict) else {}


def _check_mapping(of, place):
    if not isinstance(of, dict):
        raise Stop(f"{place} must be a mapping, as `Name: value` in lines below it. Write what is missing, or remove it")


def _check_resource(resource, name, path):
    place = f"{path}: the resource {name}"
    _check_mapping(resource, place)
    # CloudFormation would refuse empty ones, too.
    for member in ("Properties", "Metadata"):
        _check_mapping(resource.get(member, {}), f"{place}: {member}")
    _check_mapping(mapping_at(resource, "Metadata").get("BuildProperties", {}), f"{place}: BuildProperties")


def _check_parameter(declared, name, path):
    place = f"{path}: the parameter {name}"
    _check_mapping(declared, place)
    for member, value in declared.items():
        if member == "AllowedValues":
            if not isinstance(value, list) or not all(isinstance(choice, str) for choice in value):
                raise Stop(f"{place}: AllowedValues must be a list of values, as [one, other]")
        elif not isinstance(value, str):
            raise Stop(f"{place}: {member} must be one value, and no list, mapping or function")
        elif member in ("MinValue", "MaxValue") and not _is_number(value):
            raise Stop(f"{place}: {member} is {value or 'empty'}; it must be a number")


def _check_rule(rule, name, path):
    place = f"{path}: the rule {name}"
    _check_mapping(rule, place)
    assertions = rule.get("Assertions")
    if not isinstance(assertions, list) or not all(isinstance(assertion, dict) for assertion in assertions):
        raise Stop(f"{place}: Assertions must be a list, each item of which has Assert")


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
