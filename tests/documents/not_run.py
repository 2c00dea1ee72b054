"""Targets of make that documents name and that are not run for them, with the reason. `make --dry-run` reads the command."""

NOT_RUN = {
    "test": "it is the command that runs this program",
    "check": "CI runs it before",
    "package": "CI runs it after",
    "programs": "CI has run it before",
    "test-web": "CI runs it with Chromium",
    "test-starter": "CI runs it",
    "test-docs": "it is this program",
    "test-faults": "`make test` runs the same tests",
    "test-model": "it needs a model server",
    "test-long": "it takes an hour",
    "bench": "it measures for minutes, on a machine that does nothing else",
    "compare": "it measures for 20 minutes",
    "sizes": "it builds the function eight times",
    "audit": "it needs a database on github.com",
}
