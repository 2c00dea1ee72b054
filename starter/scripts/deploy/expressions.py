"""Reads a template, and calculates its expressions from parameters alone, as CloudFormation does before it creates anything."""

import yaml


class _Loader(yaml.BaseLoader):
    """Reads CloudFormation's YAML, with all values as texts. !Join becomes {"Fn::Join": ..}, which is its long form."""


def _construct_function(loader, name, node):
    if isinstance(node, yaml.ScalarNode):
        of = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        of = loader.construct_sequence(node, deep=True)
    else:
        of = loader.construct_mapping(node, deep=True)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": of}


_Loader.add_multi_constructor("!", _construct_function)


def parse(text):
    """Reads a template from its text. All values are texts, and functions have their long form."""
    # _Loader constructs only texts, lists and mappings.
    return yaml.load(text, Loader=_Loader)  # noqa: S506


class Expressions:
    """A template and the values of its parameters.

    An expression that needs more than parameters, or a function that is not here, is a LookupError.
    """

    def __init__(self, template, given):
        self.template = template
        declared = template.get("Parameters") or {}
        self.parameters = {name: of["Default"] for name, of in declared.items() if "Default" in of} | given

    def value(self, of):
        """Returns the value of an expression."""
        try:
            return self._value(of)
        except (AttributeError, TypeError, ValueError):
            # A function has other arguments than CloudFormation accepts, which will refuse them.
            raise LookupError(f"{of} has another form") from None

    def _value(self, of):
        match of:
            case str():
                return of
            case list():
                return [self.value(item) for item in of]
            case {"Ref": name}:
                return self.parameters[name]
            case {"Condition": name}:
                return self.value(self.template["Conditions"][name])
            case {"Fn::If": _}:
                return self.value(self._chosen(of))
            case {"Fn::Equals": [one, other]}:
                return self.value(one) == self.value(other)
            case {"Fn::Not": [one]}:
                return not self.value(one)
            case {"Fn::And": list(conditions)}:
                return all(self.value(one) for one in conditions)
            case {"Fn::Or": list(conditions)}:
                return any(self.value(one) for one in conditions)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.value(parts))
            case {"Fn::Split": [separator, text]}:
                return self.value(text).split(separator)
            case {"Fn::Select": [at, parts]}:
                return self.value(parts)[int(at)]
        raise LookupError(f"{of} is not calculated here")

    def _chosen(self, of):
        """Returns the expression that an If chooses."""
        condition, yes, no = of["Fn::If"]
        return yes if self.value({"Condition": condition}) else no

    def used(self, of):
        """Returns the names of the parameters in an expression, without those that an If does not choose."""
        match of:
            case {"Ref": name}:
                return [name]
            case {"Fn::If": _}:
                return self.used(self._chosen(of))
            case dict():
                return self.used(list(of.values()))
            case list():
                return [name for item in of for name in self.used(item)]
        return []
