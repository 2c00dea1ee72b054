"""What single blocks need. The language of a block says how it is run; blocks that need more are named by their first line.

A block without a language needs an entry, because nothing says what it is. An entry that no block has is an error.
"""

import observed
from world import World

# Blocks of commands: what their session has.
#   function    the function of the repository that is served at 127.0.0.1:9000, if the block starts none
#   url         what $URL is
#   machine     the processor for which its programs are built; on others the block is not run
COMMANDS = {
    'curl -N "$URL" -H "x-agui-token: $TOKEN" -H \'content-type: application/json\' \\': {"url": World.cloudfront},
    "python3 -m venv llama": {"machine": "x86_64"},
}

# Blocks of other languages: the check that compares them.
CHECKS = {
    "Page   http://127.0.0.1:9000/#key=...": observed.welcome,
    "agui2.<key id>.<a|q|aq>.<signed>.<expires>.<run that asks>.<run of the call>.<tool call>.<nonce>.<question>.<mac>":
        observed.interrupt_id,
    '{"ag_ui_lambda": {"signature": "aguir2.<key id>.<signed>.<run that sent it>.<mac>"}}': observed.signature,
    'INFO  tool authorization decision=denied reason=permission run_id=... tool=refund_order who=5d1c3f0e9a2b': observed.log_line,
    "filter message = 'run finished' and outcome = 'error'": observed.queries,
    "filter type like 'platform.report'": observed.queries,
}
