"""Pages with one fault each. The runner must find every fault, and nothing in the same pages without it."""

import observed
import sentences
from failure import Failure
from pages import Page, broken_links
from runner import parse_diagrams, run, way
from world import ROOT, World

CURL = "curl http://127.0.0.1:9000/"
# Why it is a fault, the language and the text of a block with it, the wrong part, and the right one.
PLANTED = [
    ("a target that does not exist", "sh", "make rum", "rum", "run"),
    ("a program that does not exist", "sh", "AGUI_LOCAL=1 cargo run --locked --package dojoo", "dojoo", "dojo"),
    ("an option that cargo does not have", "sh", "AGUI_LOCAL=1 cargo run --lokked --package dojo", "lokked", "locked"),
    ("an example that does not exist", "sh", "make run FUNCTION=dodo", "dodo", "dojo"),
    ("a file that does not exist", "sh", "make run\nmake invoke EVENT=events/none.json", "none", "function-url-parallel"),
    ("an option that aws does not have", "sh", "aws secretsmanager create-secret --label a --secret-string b", "label", "name"),
    ("an operation that aws does not have", "sh", "aws lambda list-version --function-name <FunctionName>",
     "list-version", "list-versions-by-function"),
    ("a function that AWS does not have", "sh", "aws lambda get-function --function-name other", "other", "<FunctionName>"),
    ("a template that does not exist", "sh", "sam deploy --template-file deploy/alarm.yaml --stack-name a --resolve-s3 "
     "--capabilities CAPABILITY_IAM --parameter-overrides FunctionName=... LogGroup=... AlarmEmail=ops@example.com",
     "alarm.yaml", "alarms.yaml"),
    ("a parameter that the template does not have", "sh", "aws cloudformation deploy --stack-name a --template-file "
     "deploy/cloudfront.yaml --parameter-overrides EntryPoint=cloudfront Uri=https://a.example/ Url=... AliasArn=...",
     "Uri=https://a.example/ ", ""),
    ("an option that doctor does not have", "sh", 'make doctor ARGS="--uri $URL"', "--uri", "--url"),
    ("an environment that samconfig.toml does not have", "sh", "make plan ENV=pord", "pord", "prod"),
    ("a version that does not exist", "sh", "make rollback VERSION=99", "99", "7"),
    ("a member that GitHub does not send", "sh", """gh api repos/o/r --jq '"\\(.owner.name)"'""", ".name", ".login"),
    ("a placeholder without a value", "sh", "aws lambda get-function --function-name <Function>", "<Function>", "<FunctionName>"),
    ("a token that is refused", "sh", f'{CURL} -H "x-agui-token: wrong" -H "content-type: application/json" -d "$BODY"',
     "wrong", "$TOKEN"),
    ("a body that is refused", "sh", f'{CURL} -H "x-agui-token: $TOKEN" -H "content-type: text/plain" -d "$BODY"',
     "text/plain", "application/json"),
    ("a run that fails", "sh", f'{CURL} -H "x-agui-token: $TOKEN" -H "content-type: application/json" '
     """-d '{"threadId":"t","runId":"r","messages":[{"id":"m","role":"user","content":"fail"}]}'""", "fail", "hello"),
    ("another output than the comment says", "sh", f'{CURL}_dev/token -H "x-agui-dev-key: $KEY" -d \'{{"person":"amelie"}}\'\n'
     '# {"token":"..."}', '"token":"..."', '"access_token":...'),
    ("bash that cannot be read", "sh", "echo 'a", "'a", "a"),
    ("a program that nobody wants to be run", "sh", "sudo true", "sudo true", "true"),
    ("an adapter that does not exist", "sh", "AGUI_MODEL=openia/gpt-5.1", "openia", "openai"),
    ("a feature that does not exist", "toml", 'ag-ui-lambda = { version = "0.1", features = ["bedrok"] }', "bedrok", "bedrock"),
    ("a version that is not this one", "toml", 'ag-ui-lambda = "7.1"', "7.1", "0.1"),
    ("a key that Cargo.toml does not have", "toml", '[profile.release]\npanik = "unwind"', "panik", "panic"),
    ("a value that Cargo.toml does not have", "toml", '[profile.release]\npanic = "unwound"', "unwound", "unwind"),
    ("JSON without a quote", "json", '{"type": "RUN_STARTED", "threadId": "t", "runId: "r"}', "runId", 'runId"'),
    ("an event that does not exist", "json", '{"type": "RUN_BEGUN", "threadId": "t", "runId": "r"}', "BEGUN", "STARTED"),
    ("a member that an event does not have", "json", '{"type": "RUN_STARTED", "threadId": "t", "runID": "r"}', "runID", "runId"),
    ("a status that does not exist", "json", '{"interruptId": "i", "status": "done"}', "done", "resolved"),
    ("a message without its content", "json", '{"threadId": "t", "runId": "r", '
     '"messages": [{"id": "m", "role": "user", "text": "a"}], "tools": [], "context": [], "state": {}, "forwardedProps": {}}',
     "text", "content"),
    ("a property that a function does not have", "yaml", "Timeouts: {}", "Timeouts: {}", "Tags: {a: b}"),
    ("a part of make that does not exist", "make", "include scripts/deploy/deplay.mk", "deplay", "deploy"),
    ("an arrow without its end", "mermaid", "flowchart LR\n  A[a -->|b| C", "A[a", "A[a]"),
    ("a line that no diagram has", "mermaid", "sequenceDiagram\n  A->>B: x\n  not B: y", "not", "Note over"),
]
# Blocks that are wrong in themselves: the comment above, the language and the text.
COMMENT = "<!-- examples/plain/page.js, region send -->\n\n"
WITHOUT_WAY = [
    ("a language that nothing runs", "", "ruby", "puts 1"),
    ("a block without a language and without an entry", "", "", "some text"),
    ("Rust in a page whose Rust nobody compiles", "", "rust", "fn f() {}"),
    ("code of another text than its region", COMMENT, "js", "run();"),
    ("code without a region", "", "js", "run();"),
    ("a region that does not exist", COMMENT.replace("send", "none"), "js", "run();"),
    ("a file that does not exist", COMMENT.replace("page.js", "pages.js"), "js", "run();"),
    ("a file that no test runs", COMMENT.replace("plain/page.js", "other/page.js"), "js", "run();"),
]
# Blocks that show what the function does: the check, and a text that it must refuse.
OBSERVED = [
    ("a line that the function does not print", observed.welcome, "Site   http://127.0.0.1:9000/#key=..."),
    ("an interrupt with a part less", observed.interrupt_id, "agui2.<key id>.<a|q|aq>.<signed>.<expires>.<mac>"),
    ("another version of a signature", observed.signature, '{"ag_ui_lambda": {"signature": "aguir1.<a>.<b>.<c>.<d>"}}'),
    ("a member that metadata does not have", observed.signature, '{"ag_ui_lambda": {"signed": "aguir2.<a>.<b>.<c>.<d>"}}'),
    ("a field that the log line does not have", observed.log_line, "INFO  tool authorization decision=denied because=permission"),
    ("a field that the log does not have", observed.queries, "filter message = 'a'\n| stats avg(turnz) by models"),
    ("a command that Logs Insights does not have", observed.queries, "where message = 'a'"),
]
SENTENCES = [
    ("a target that does not exist", "Run `make tset`.", "no target tset"),
    ("a variable that nothing reads", "Run `make run FUNKTION=dojo`.", "nothing reads the variable FUNKTION"),
    ("an operation that does not exist", "Run `aws secretsmanager put-secret`.", "no operation put-secret"),
    ("an option that does not exist", "Run `aws secretsmanager put-secret-value --secret a`.", "no option --secret"),
    ("an event that does not exist", "Run `make invoke EVENT=events/nothing.json`.", "no file events/nothing.json"),
    ("a parameter that no template has", "Run `make deploy PARAMETERS='Modell=a'`.", "no template has a parameter Modell"),
    ("a parameter of another stack", "Run `make deploy PARAMETERS='rotation.Model=a'`.", "rotation.yaml has no parameter Model"),
    ("a stack that does not exist", "Run `make deploy PARAMETERS='rest.BasePath=a'`.", "no template deploy/rest.yaml"),
    ("a setting that no template has", "Set `EntriPoint=cloudfront`.", "no template has a parameter EntriPoint"),
    ("a package that does not exist", "Run `cargo test --locked --package structur`.", "no package structur"),
    ("a package that does not exist, in short", "Run `cargo build -p dodo`.", "no package dodo"),
    ("a program that does not exist", "Run `cargo run --bin ag-ui-rotat -- --bin NAME`.", "no bin ag-ui-rotat"),
    ("an example that does not exist", "Run `cargo run --example none`.", "no example none"),
    ("a folder that does not exist", "Run `cargo install --path crates/ag-ui-dv`.", "no folder crates/ag-ui-dv"),
    ("an option that doctor does not have", "Run `ag-ui-dev doctor --uri a --run`.", "doctor has no option --uri"),
    ("an option that doctor does not have, by make", "Run `make doctor ARGS=\"--uri $URL --run\"`.", "no option --uri"),
    ("a variable that the function does not have", "Set AGUI_MODELLE, AGUI_CLAIM_* and `AGUI_MODEL`.", "AGUI_MODELLE"),
    ("variables that the function does not have", "All `AGUI_CLAIMS_*`.", "the variable AGUI_CLAIMS_"),
    ("a file that does not exist", "See [this](docs/nothing.md).", "docs/nothing.md names a file"),
    ("a heading that does not exist", "See [this](docs/local.md#nothing).", "#nothing names a heading"),
    ("a heading of the page itself that does not exist", "# A title\n\nSee [this](#a-titel).", "#a-titel names a heading"),
]


def fault(page, world):
    """The fault of the block of a page; None if it can be run."""
    [block] = page.blocks()
    try:
        if way(block) == "diagram":
            return parse_diagrams([block])[0]
        run(block, world)
    except Failure as failure:
        return str(failure)
    return None


def page(language, text, comment=""):
    return Page("tests/planted.md", f"# Planted\n\n{comment}```{language}\n{text}\n```\n")


def observed_fault(check, text, world):
    [block] = page("", text).blocks()
    try:
        with world.scope():
            check(block, world)
    except Failure as failure:
        return str(failure)
    return None


def found_faults(world):
    """For each planted fault: what it is, and the fault that was found."""
    for why, language, text, wrong, right in PLANTED:
        yield why, fault(page(language, text), world)
        if found := fault(page(language, text.replace(wrong, right)), world):
            raise SystemExit(f"{why}: the same block without the fault fails, too: {found}")
    for why, comment, language, text in WITHOUT_WAY:
        yield why, fault(page(language, text, comment), world)
    for why, check, text in OBSERVED:
        yield why, observed_fault(check, text, world)
    for why, text, expected in SENTENCES:
        planted = Page("planted.md", text)
        known = [planted, Page("docs/local.md", (ROOT / "docs/local.md").read_text())]
        found = [*sentences.faults([planted]), *(link for link in broken_links(ROOT, known) if link.startswith("planted.md"))]
        yield why, found[0] if len(found) == 1 and expected in found[0] else None


def main():
    count, missed = 0, []
    world = World()
    try:
        for why, found in found_faults(world):
            count += 1
            if not found:
                missed.append(why)
            print(f"{why}: {(found or 'NOT FOUND').split(chr(10))[0]}", flush=True)
    finally:
        world.close()
    print(f"test-docs: {count} planted faults, {len(missed)} not found: {missed}")
    return 1 if missed else 0
