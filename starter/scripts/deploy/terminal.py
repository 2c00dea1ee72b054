"""What the commands print and ask. Without a terminal nothing is asked."""

import shlex
import sys
import textwrap


class Stop(Exception):
    """Ends the command with a message that says what is wrong and how to correct it."""


def split_words(variable, text):
    """Splits the value of a variable into words, as a shell does."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise Stop(f"{variable} cannot be split into words: {error}") from None


def has_terminal():
    """Whether a person can answer questions."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def heading(text):
    """Prints what begins now."""
    print(f"\n== {text}", flush=True)


def say(text="", file=None):
    """Prints paragraphs, wrapped to 80 columns. Lines that are indented stay as they are."""
    for line in text.split("\n"):
        indented = line.startswith(" ") or not line
        wrapped = line if indented else textwrap.fill(line, 80, break_long_words=False, break_on_hyphens=False)
        print(wrapped, file=file, flush=True)


def ask(prompt, default):
    """Asks for one line. Return on its own gives the default."""
    # A long default has its own line, so that the prompt stays short.
    if len(prompt) + len(default) > 60:
        print(f"  [{default}]")
        default_shown = "Return for the above"
    else:
        default_shown = default or "none"
    try:
        line = input(f"{prompt} [{default_shown}]: ").strip()
    except EOFError:
        raise Stop("the input has ended before the last question") from None
    return line or default


def confirm(question):
    """Asks for yes or no. Return on its own means no."""
    try:
        return input(f"{question} [y/N]: ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
