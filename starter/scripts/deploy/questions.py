"""The questions of the first deployment: at most four. What is stored or given as PARAMETERS is not asked again."""

import re
from dataclasses import dataclass
from typing import Callable

import models
from checks import Invalid, check_description, check_issuer, check_stacks, drop_callers
from entry_points import CALL_ACTIONS, ENTRY_POINTS, STACKS
from project import TEMPLATE
from terminal import Stop, ask, say, split_words

# The parameters of stacks that questions are about, which need no stack before their name.
ASKED = {
    "AlarmEmail": "alarms",
    "AuthorizerFunctionArn": "rest-api",
    "CognitoClientIds": "rest-api",
    "CognitoScopes": "rest-api",
    "CognitoUserPoolArn": "rest-api",
}


@dataclass
class Answers:
    """The parameters of template.yaml, and those of each stack beside it."""

    core: dict
    stacks: dict

    def value(self, name, stack=None):
        """Returns an answer, or None before it is given."""
        return (self.stacks.get(stack, {}) if stack else self.core).get(name)


@dataclass
class Question:
    """One question. `parse` turns the line into parameters, or raises Invalid."""

    title: str
    about: str
    prompt: str
    default: str
    parse: Callable
    parameters: list
    stack: str = None
    example: str = ""
    may_be_empty: bool = False

    def is_answered(self, answers):
        """Whether every parameter has a value."""
        values = [answers.value(name, self.stack) for name in self.parameters]
        return all(value or (self.may_be_empty and value == "") for value in values)

    def missing_line(self):
        """Returns how the answer is given without a terminal, on two lines if one is too short."""
        line = f"  {self.example:<40} {self.title}"
        return line if len(line) <= 80 else f"  {self.example}\n    {self.title}"

    def store(self, answers, values):
        """Notes the values of an answer."""
        place = answers.stacks.setdefault(self.stack, {}) if self.stack else answers.core
        place.update(values)


class Interview:
    """Collects the answers for one environment."""

    def __init__(self, project, account):
        self.project = project
        self.account = account
        stacks = {name: project.stack_parameters(name) or {} for name in project.stored_stacks()}
        self.answers = Answers(project.parameters(), stacks)
        self.checked_models = None
        self.checked_issuer = project.parameters().get("UserJwtIssuer")

    def take(self, given):
        """Takes answers that were given as `Name=Value` words, or `stack.Name=Value` for a stack in deploy/."""
        words = split_words("PARAMETERS", given)
        for word in words:
            name, separator, value = word.partition("=")
            if not separator:
                raise Stop(f"PARAMETERS has {word}; it must be Name=Value")
            stack, name = self._owner(name)
            template = None
            if stack:
                template = self.project.read_stack(stack)
            reason = self.project.check_parameter(name, value, template)
            if reason:
                raise Stop(f"PARAMETERS: {name}: {reason}")
            (self.answers.stacks.setdefault(stack, {}) if stack else self.answers.core)[name] = value
        names = [word.partition("=")[0] for word in words]
        before = self.project.parameters().get("EntryPoint")
        if before and before != self.answers.core.get("EntryPoint"):
            # The template refuses what does not belong to the new entry point.
            drop_callers(self.answers.core, set(names))
        if "Model" in names:
            models.check_adapters(self.answers.core["Model"])
            secret = self.answers.core.get("ModelSecretArn", "") if models.key_names(self.answers.core["Model"]) else ""
            derived = self._model_parameters(self.answers.core["Model"], secret)
            self.answers.core.update({name: value for name, value in derived.items() if name not in names})

    def _owner(self, name):
        """Finds the template with this parameter: the core, the named stack in deploy/, or the one that a question is about."""
        stack, dot, plain = name.partition(".")
        if dot:
            return stack, plain
        if name in self.project.template["Parameters"]:
            return None, name
        owners = [stack for stack in self.project.stacks() if name in self.project.read_stack(stack)["Parameters"]]
        if not owners:
            raise Stop(f"no template has a parameter {name}")
        if ASKED.get(name) in owners:
            return ASKED[name], name
        choices = " or ".join(f"{stack}.{name}=..." for stack in owners)
        raise Stop(f"{name} is no parameter of template.yaml. Name the stack that you mean: {choices}")

    def complete(self, terminal):
        """Asks what has no answer yet. Without a terminal that is an error, which names what is missing."""
        missing = []
        for make in (self._entry_point, self._model, self._callers, self._alarms):
            question = make()
            if question is None or question.is_answered(self.answers):
                continue
            if terminal:
                self._ask(question)
            else:
                missing.append(question)
                if question.parameters == ["EntryPoint"]:
                    self.answers.core["EntryPoint"] = question.default  # so that its further questions are listed
        if missing:
            lines = [question.missing_line() for question in missing]
            raise Stop(
                "there is no terminal to ask for:\n" + "\n".join(lines) + "\n"
                f"Give them as PARAMETERS='Name=Value ...', or run the command once in a terminal and commit samconfig.toml"
            )
        models.check_adapters(self.answers.core.get("Model") or self.project.default("Model"))
        check_description(self.project.template, self.answers.core)
        self.project.token_header(self.answers.core)  # refuses a name in which no token can be sent
        check_stacks(self.answers, self.answers.core.get("EntryPoint"))
        return self.answers

    def _ask(self, question):
        say(f"\n{question.title}\n{question.about}")
        while True:
            line = ask(question.prompt, question.default)
            try:
                question.store(self.answers, question.parse(line))
                return
            except Invalid as reason:
                say(f"\n{reason}\n")

    # The four questions.

    def _entry_point(self):
        choices = self.project.template["Parameters"].get("EntryPoint", {}).get("AllowedValues")
        if not choices:
            raise Stop(f"{TEMPLATE} must have the parameter EntryPoint with AllowedValues: compare it with the one in Git")
        lines = "\n".join(f"  {choice:<13} {ENTRY_POINTS.get(choice, '')}".rstrip() for choice in choices)
        return Question(
            title="Who sends the requests?",
            about=f"This decides what a request must prove, and which services are created.\n{lines}",
            prompt="EntryPoint",
            default=self.project.default("EntryPoint"),
            parse=lambda line: {"EntryPoint": self._valid("EntryPoint", line)},
            parameters=["EntryPoint"],
            example="EntryPoint=server-token",
        )

    def _model(self):
        return Question(
            title="Which model answers?",
            about=(
                "Its form is <adapter>/<model id>. bedrock/ and mantle/ are the two endpoints of Amazon Bedrock, which need no "
                "key. For a provider with a key, add the name of the secret that has it: openai/gpt-5.1 model-keys. "
                "scripted/demo is a script without a language model, which costs nothing."
            ),
            prompt="Model",
            default=self.project.default("Model"),
            parse=self._parse_model,
            parameters=["Model"],
            example="Model=scripted/demo",
        )

    def _parse_model(self, line):
        model, *secret = line.split()
        if len(secret) > 1:
            raise Invalid("Give the model, and behind a blank at most the name of one secret.")
        self._valid("Model", model)
        try:
            models.check_adapters(model)
            arn = models.find_secret(self.account, secret[0]) if secret else ""
            models.check_secret(self.account, arn, model)
            models.check_access(self.account, model)
        except models.ModelDenied as reason:
            raise Invalid(f"{reason}\n\nYou can also continue with scripted/demo and change the model later.") from None
        except Stop as reason:
            raise Invalid(str(reason)) from None
        self.checked_models = model
        return self._model_parameters(model, arn)

    def _model_parameters(self, model, secret):
        """Returns the parameters that follow from the model. Empty ones are written only if they replace something."""
        values = {"BedrockModelArns": models.bedrock_arns(model, self.account.partition), "ModelSecretArn": secret}
        changed = {name: value for name, value in values.items() if value or self.answers.core.get(name)}
        return {"Model": model, **changed}

    def _callers(self):
        """The question that only the chosen entry point has."""
        entry_point = self.answers.core.get("EntryPoint")
        match entry_point:
            case "browser-jwt":
                return Question(
                    title="Who signs the JWTs of your users, and where is your page?",
                    about=(
                        "Three words: the issuer, the audience (of Cognito the id of the app client), and the origin of "
                        "the page; several audiences or origins with commas. Only their tokens and pages are accepted. "
                        "Example:\n"
                        "  https://my.eu.auth0.com/ https://agent.example https://app.example"
                    ),
                    prompt="Issuer audience origin",
                    default="",
                    parse=self._parse_browser,
                    parameters=["UserJwtIssuer", "UserJwtAudience", "AllowedOrigins"],
                    example="UserJwtIssuer=https://... UserJwtAudience=... AllowedOrigins=https://...",
                )
            case "signed-url" | "rest-iam":
                principal = self.account.principal()
                return Question(
                    title="Which IAM principals may call?",
                    about=(
                        "ARNs with commas between them; * stands for a part of a name. Each also needs "
                        f"{CALL_ACTIONS[entry_point]} in a policy of its own. The default is you."
                    ),
                    prompt="IamPrincipals",
                    default=principal,
                    parse=lambda line: {"IamPrincipals": self._valid("IamPrincipals", line)},
                    parameters=["IamPrincipals"],
                    example=f"IamPrincipals={principal}",
                    # Without them a signed request also needs the shared token.
                    may_be_empty=entry_point == "signed-url",
                )
            case "rest-cognito":
                return self._stack_question(
                    ["CognitoUserPoolArn", "CognitoClientIds"],
                    "Which app of which user pool signs your users in?",
                    "Two words: the ARN of the user pool, and the client id of your app, or several with commas. The Cognito "
                    "console shows both. Id tokens of these apps are accepted.",
                )
            case "rest-lambda":
                return self._stack_question(
                    ["AuthorizerFunctionArn"],
                    "Which function decides who may call?",
                    "The ARN of your Lambda authorizer, in this account and region.",
                )
        return None

    def _stack_question(self, names, title, about):
        """A question whose answer has a word for each of these parameters of the stack. The first word is an ARN."""
        stack = STACKS[self.answers.core["EntryPoint"]]

        def parse(line):
            words = line.split()
            if len(words) != len(names) or not words[0].startswith("arn:"):
                raise Invalid(f"{line or 'Nothing'} is not an ARN{' and a client id' if len(names) > 1 else ''}.")
            template = self.project.read_stack(stack)
            return {name: self._valid(name, word, template) for name, word in zip(names, words, strict=True)}

        example = " ".join([f"{names[0]}=arn:...", *(f"{name}=..." for name in names[1:])])
        # What else is needed may have been given in another form, such as scopes.
        return Question(title, about, " ".join(names), "", parse, names[:1], stack, example)

    def _parse_browser(self, line):
        words = line.split()
        if len(words) != 3:
            raise Invalid("Give three words: the issuer, the audience and the origin.")
        issuer, audience, origins = words
        for origin in origins.split(","):
            if not re.fullmatch(r"https?://[^/\s]+", origin):
                raise Invalid(f"{origin} is not an origin: it must be like https://app.example.com, without a path.")
        check_issuer(issuer)
        self.checked_issuer = issuer
        return {
            "UserJwtIssuer": self._valid("UserJwtIssuer", issuer),
            "UserJwtAudience": self._valid("UserJwtAudience", audience),
            "AllowedOrigins": self._valid("AllowedOrigins", origins),
        }

    def _alarms(self):
        if "alarms" not in self.project.stacks() or self.answers.value("AlarmTopicArn", "alarms"):
            return None

        def parse(line):
            line = "" if line == "none" else line
            if line and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", line):
                raise Invalid(f"{line} is not an e-mail address.")
            return {"AlarmEmail": line}

        return Question(
            title="Who gets an e-mail when something fails?",
            about=(
                "An address creates alarms and a dashboard, for some dollars a month. AWS sends it a link that must be "
                "confirmed. none creates no alarms."
            ),
            prompt="AlarmEmail",
            default="none",
            parse=parse,
            parameters=["AlarmEmail"],
            stack="alarms",
            example="AlarmEmail=ops@example.com (or AlarmEmail=)",
            may_be_empty=True,
        )

    def _valid(self, name, value, template=None):
        reason = self.project.check_parameter(name, value, template)
        if reason:
            raise Invalid(reason)
        return value

    def check_issuer(self):
        """Checks an issuer that is neither the stored one nor an answer to a question, which has checked it."""
        issuer = self.answers.core.get("UserJwtIssuer")
        if not issuer or issuer == self.checked_issuer:
            return
        try:
            check_issuer(issuer)
        except Invalid as reason:
            raise Stop(f"UserJwtIssuer: {reason}") from None

    def check_model(self):
        """Checks that the role may invoke the model, and a model whose question was not asked now."""
        model = self.answers.core.get("Model") or self.project.default("Model")
        models.check_arns(model, self.answers.core.get("BedrockModelArns", ""), self.account.partition)
        if model == self.checked_models:
            return
        try:
            models.check_secret(self.account, self.answers.core.get("ModelSecretArn", ""), model)
            models.check_access(self.account, model)
        except models.ModelDenied as reason:
            raise Stop(f"{reason}\n\nNothing was deployed. To try the rest first: PARAMETERS=Model=scripted/demo") from None
