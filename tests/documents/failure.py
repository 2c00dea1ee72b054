"""The error with which a check of a block fails."""


class Failure(Exception):
    """What is wrong with a block, as a sentence, and what was printed."""

    def __init__(self, sentence, printed=""):
        super().__init__(sentence)
        self.sentence, self.printed = sentence, printed

    def __str__(self):
        lines = self.printed.strip().split("\n")[-25:] if self.printed.strip() else []
        return "\n".join([self.sentence, *(f"    {line}" for line in lines)])
