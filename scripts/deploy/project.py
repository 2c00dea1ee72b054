"""The project that is deployed, as its files describe it: template.yaml, samconfig.toml, and the templates in deploy/.

Answers are stored in samconfig.toml, so that `sam deploy` alone uses them too:

    [default.deploy.parameters]                       the region
    [default.deploy.parameters.parameter_overrides]   parameters of template.yaml
    [default.stacks.alarms]                           parameters of deploy/alarms.yaml, which is then deployed as well
"""

import os
import re
import tomllib
from pathlib import Path

import tomlkit
import yaml
from tomlkit.exceptions import TOMLKitError

import curl
from expressions import Expressions, parse
from form import mapping_at, well_formed
from terminal import Stop, split_words

TEMPLATE = Path("template.yaml")
CONFIG = Path("samconfig.toml")


def read_template(path):
    """Reads a template, as `parse` does. Sections such as Parameters may be missing in the file."""
    if not path.is_file():
        raise Stop(f"there is no {path} in {Path.cwd()}")
    try:
        template = parse(path.read_text())
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        raise Stop(f"{path}, line {at.line + 1}: {error.problem or error.context}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Stop(f"{path} is not YAML: {error}") from None
    return well_formed(path, template)


def read_toml(path):
    """Reads a file of TOML."""
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Stop(f"{path}: {error}") from None


def is_built(template):
    """Whether SAM builds a function of this template."""
    return any("BuildMethod" in mapping_at(resource, "Metadata") for resource in template["Resources"].values())


class Project:
    """One environment of samconfig.toml, and the template that it deploys."""

    def __init__(self, environment):
        self.environment = environment
        self.template = read_template(TEMPLATE)
        self.config = tomlkit.document()
        if CONFIG.is_file():
            # tomlkit does not name the line of every mistake.
            read_toml(CONFIG)
            self.config = tomlkit.parse(CONFIG.read_text())
        environments = [name for name in self.config if name not in ("version",)]
        if environment not in environments:
            raise Stop(
                f"{CONFIG} has no environment {environment}. It has: {', '.join(environments) or 'none'}. "
                f"ENV names one of them; to add one, copy [default.deploy.parameters] and change the stack's name"
            )
        self.stack = self.setting("stack_name")
        if not self.stack:
            raise Stop(f"{CONFIG} has no stack_name in [{environment}.deploy.parameters]")

    def setting(self, name):
        """Returns what `sam deploy` reads as this option, or None. In SAM an environment has options of no other one."""
        for command in ("deploy", "global"):
            value = self._table([self.environment, command, "parameters"]).get(name)
            if value is not None:
                if not isinstance(value, str):
                    raise Stop(f"{CONFIG}: {name} must be a text in quotes")
                return value
        return None

    def region(self):
        """Returns the region that the first deployment has stored, or None before it.

        Another region in the shell is an error: `sam deploy` and other shells deploy to the stored one.
        """
        stored = self.setting("region")
        variable = "AWS_REGION" if os.environ.get("AWS_REGION") else "AWS_DEFAULT_REGION"
        chosen = os.environ.get(variable)
        if stored and chosen and chosen != stored:
            raise Stop(
                f"{variable} is {chosen}, but {CONFIG} has the region {stored} for the environment {self.environment}. Unset "
                f"{variable}. To deploy to {chosen} too, add an environment with that region to {CONFIG}"
            )
        return stored

    def _table(self, path, create=False):
        """Returns a table of samconfig.toml, or an empty one. `create` adds it."""
        table = self.config
        for name in path:
            if name not in table:
                if not create:
                    return {}
                table[name] = tomlkit.table(is_super_table=name != path[-1])
            table = table[name]
            if not isinstance(table, dict):
                raise Stop(f"{CONFIG}: {name} must be a table")
        return table

    def parameters(self):
        """Returns the stored parameters of template.yaml."""
        stored = self._table([self.environment, "deploy", "parameters"]).get("parameter_overrides", {})
        if isinstance(stored, dict):
            return {name: _text(value) for name, value in stored.items()}
        lines = stored if isinstance(stored, list) else [stored]
        if not all(isinstance(line, str) for line in lines):
            raise Stop(f"{CONFIG}: parameter_overrides must be a table, a text or a list of texts")
        words = [word for line in lines for word in split_words("parameter_overrides", line)]
        for word in words:
            if "=" not in word:
                raise Stop(f"parameter_overrides in {CONFIG} has {word}; it must be Name=Value")
        return dict(word.split("=", 1) for word in words)

    def stack_parameters(self, name):
        """Returns the stored parameters of deploy/<name>.yaml, or None if nothing is stored for this stack."""
        if name not in self._table([self.environment, "stacks"]):
            return None
        stored = self._table([self.environment, "stacks", name])
        return {parameter: _text(value) for parameter, value in stored.items()}

    def stored_stacks(self):
        """Returns the names of the stacks for which something is stored."""
        return list(self._table([self.environment, "stacks"]))

    def store(self, region, parameters, stacks):
        """Stores the region and the answers. Everything else in samconfig.toml stays as it is, comments included."""
        before = CONFIG.read_text()
        try:
            self._note(region, parameters, stacks)
            text = _with_blank_lines(_with_comments(tomlkit.dumps(self.config), before))
            is_complete = tomllib.loads(text) == self.config.unwrap()
        except (ValueError, TOMLKitError):
            is_complete = False
        if not is_complete:
            raise Stop(
                f"{CONFIG} has a table in a form to which answers cannot be added. Write each table of {self.environment} with "
                f"a header of its own, such as [{self.environment}.deploy.parameters]"
            )
        if text != before:
            CONFIG.write_text(text)

    def _note(self, region, parameters, stacks):
        """Notes the region and the answers in what was read of samconfig.toml."""
        place = self._table([self.environment, "deploy", "parameters"], create=True)
        if not self.setting("region"):
            place["region"] = region
        if parameters != self.parameters():
            if not isinstance(place.get("parameter_overrides"), dict):
                place["parameter_overrides"] = tomlkit.table()
            for name in set(place["parameter_overrides"]) - set(parameters):
                del place["parameter_overrides"][name]
            _update(place["parameter_overrides"], parameters)
        for name, values in stacks.items():
            _update(self._table([self.environment, "stacks", name], create=True), values)

    def default(self, parameter):
        """Returns the default of a parameter of template.yaml."""
        return str(self.template["Parameters"].get(parameter, {}).get("Default", ""))

    def check_parameter(self, name, value, template=None):
        """Returns why a value is not valid for a parameter, or None."""
        declared = (template or self.template)["Parameters"].get(name)
        if declared is None:
            return f"there is no parameter {name}"
        allowed = declared.get("AllowedValues", [])
        if allowed and value not in allowed:
            return f"{value or 'nothing'} is not one of {', '.join(allowed)}"
        pattern = declared.get("AllowedPattern")
        if pattern and not _fits(pattern, value):
            description = " ".join(str(declared.get("Description", pattern)).split())
            return f"{value or 'nothing'} does not have the form of {name}: {description}"
        return _number_reason(value, declared) if declared.get("Type") == "Number" else None

    def binary(self):
        """Returns the program that template.yaml builds."""
        for resource in self.template["Resources"].values():
            binary = mapping_at(resource, "Metadata", "BuildProperties").get("Binary")
            if binary:
                return binary
        return None

    def variable(self, name, given):
        """Returns a variable of the function with these parameters. It is empty if it is not set, or cannot be known here."""
        places = [mapping_at(resource, "Properties") for resource in self.template["Resources"].values()]
        for place in [*places, mapping_at(self.template, "Globals", "Function")]:
            variables = mapping_at(place, "Environment", "Variables")
            if name not in variables:
                continue
            try:
                value = Expressions(self.template, given).value(variables[name])
            except LookupError:
                return ""
            return value if isinstance(value, str) else ""
        return ""

    def token_header(self, given):
        """Returns the header in which callers send the shared token to the function with these parameters."""
        return curl.token_header(self.variable("AGUI_TOKEN_HEADER", given))

    @staticmethod
    def stacks():
        """Returns the names of the stacks that can be deployed beside the core."""
        return sorted(path.stem for path in Path("deploy").glob("*.yaml"))

    @staticmethod
    def stack_path(name):
        """Returns where the template of a stack beside the core is."""
        return Path("deploy") / f"{name}.yaml"

    def read_stack(self, name):
        """Reads the template of a stack beside the core."""
        return read_template(self.stack_path(name))


def _fits(pattern, value):
    """Whether a value has the form of a pattern. CloudFormation reads patterns as Java does, and checks those that Python lacks."""
    try:
        return bool(re.fullmatch(pattern, value))
    except re.error:
        return True


def _number_reason(value, declared):
    """Returns why a value is not valid for a parameter that is a number, or None."""
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        return f"{value or 'nothing'} is not a number"
    least, most = declared.get("MinValue"), declared.get("MaxValue")
    if least is not None and float(value) < float(least):
        return f"{value} is less than {least}"
    if most is not None and float(value) > float(most):
        return f"{value} is more than {most}"
    return None


def _with_comments(text, before):
    """Moves the comment of a table of `before` back above it. tomlkit adds lines below it, as it belongs to the table before."""
    for comment, header in re.findall(r"^((?:[ \t]*\n)*(?:#.*\n)+)(\[.*\n)", before, re.MULTILINE):
        end = text.index(f"\n{header}") + 1
        start = text.rindex(comment, 0, end)
        text = text[:start] + text[start + len(comment) : end] + comment + text[end:]
    return text


def _with_blank_lines(text):
    """Puts a blank line before each table, but not between a table and its comment."""
    lines = []
    for line in text.split("\n"):
        if line.startswith("[") and lines and lines[-1] and not lines[-1].startswith("#"):
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def _text(value):
    """Returns a value of samconfig.toml as CloudFormation reads it."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _update(table, values):
    """Writes values into a table and keeps the lines that do not change."""
    for name, value in values.items():
        if name not in table or _text(table[name]) != value:
            table[name] = value
