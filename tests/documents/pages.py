"""Reads pages of Markdown: their blocks of code, the commands in their sentences, their headings and links."""

import os
import re
from dataclasses import dataclass

FENCE = re.compile(r"^ *(`{3,})(\w*)")
COMMENT = re.compile(r"^ *<!-- (.+) -->$")


@dataclass(frozen=True)
class Block:
    """A block of code."""

    page: str
    line: int
    language: str
    text: str
    # The text of the HTML comment above the block; empty without one.
    comment: str

    @property
    def first(self):
        """Its first line, by which exceptions.py names it."""
        return self.text.split("\n")[0]

    def __str__(self):
        return f"{self.page}:{self.line}: {self.first}"


@dataclass(frozen=True)
class Page:
    """A page whose blocks, commands and links are read."""

    path: str
    text: str

    def blocks(self):
        """Its blocks of code, without the indent that all lines of a block have."""
        found, comment = [], ""
        lines = enumerate(self.text.split("\n"), 1)
        for number, line in lines:
            if fence := FENCE.match(line):
                end = re.compile(f"^ *{fence[1]}`*$")
                code = []
                for _, line in lines:
                    if end.match(line):
                        break
                    code.append(line)
                found.append(Block(self.path, number, fence[2], without_indent(code), comment))
                comment = ""
            elif line.strip():
                match = COMMENT.match(line)
                comment = match[1] if match else ""
        return found

    def prose(self):
        """Its lines with their numbers, without blocks of code and comments."""
        text = re.sub(r"<!--.*?-->", lambda match: "\n" * match[0].count("\n"), self.text, flags=re.DOTALL)
        fence = None
        for number, line in enumerate(text.split("\n"), 1):
            mark = FENCE.match(line)
            if mark and fence is None:
                fence = mark[1]
            elif mark and fence is not None and mark[1] >= fence and not mark[2]:
                fence = None
            elif fence is None:
                yield number, line

    def code(self):
        """The code in its sentences, with the numbers of its lines. It may go on in the next line."""
        lines = list(self.prose())
        text = "\n".join(line for _, line in lines)
        for code in re.finditer(r"(?<!`)`([^`]+)`(?!`)", text):
            yield lines[text.count("\n", 0, code.start())][0], " ".join(code[1].split())

    def anchors(self):
        """What a link into this page may name after `#`, as GitHub makes it from headings and `id`s."""
        anchors = set()
        for _, line in self.prose():
            if heading := re.match(r"#{1,6} (.+)", line):
                title = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1]).strip().lower()
                slug = re.sub(r"[^\w\- ]", "", title.replace("`", "")).replace(" ", "-")
                count = sum(anchor == slug or re.fullmatch(re.escape(slug) + r"-\d+", anchor) is not None for anchor in anchors)
                anchors.add(f"{slug}-{count}" if count else slug)
            anchors.update(re.findall(r'<a (?:id|name)="([^"]+)"', line))
        return anchors

    def links(self):
        """The targets of its links and pictures, with the numbers of their lines."""
        for number, line in self.prose():
            text = re.sub(r"`[^`]*`", "", line)
            yield from ((number, target) for target in re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", text))
            yield from ((number, target) for target in re.findall(r"^\[[^]]+\]: (\S+)", text))
            yield from ((number, target) for target in re.findall(r'(?:href|src)="([^"]+)"', text))


def without_indent(lines):
    """Joins lines without the indent that all of them have."""
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    indent = min(indents, default=0)
    return "\n".join(line[indent:].rstrip() for line in lines).strip("\n")


def read(root, paths):
    return [Page(path, (root / path).read_text()) for path in paths]


def broken_links(root, pages):
    """Relative links of pages whose file or anchor does not exist, each as a sentence."""
    anchors = {page.path: page.anchors() for page in pages}
    for page in pages:
        for number, target in page.links():
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            there = (root / page.path).parent / path if path else root / page.path
            name = os.path.relpath(there, root)
            if path and not there.exists():
                yield f"{page.path}:{number}: the link {target} names a file that does not exist"
            elif anchor and name.endswith(".md") and anchor not in anchors.get(name, set()):
                yield f"{page.path}:{number}: the link {target} names a heading that {name} does not have"
