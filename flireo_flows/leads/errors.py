"""The one error of this room: a file that cannot be read as a whole."""

from pathlib import Path


class LeadFileError(Exception):
    """A file of leads is unusable: what is wrong, where, and what to do. Holds no phone number.

    Attributes:
        file: Name of the file, without its folder.
        problem: What is wrong, one sentence.
        advice: What to do about it, one sentence.
        line: Line of the file, the first being 1; 0 when no line is to blame.
    """

    def __init__(self, file: str, problem: str, advice: str, line: int = 0) -> None:
        self.file, self.problem, self.advice, self.line = file, problem, advice, line
        super().__init__(file, problem, advice, line)  # unpickling calls us with these

    @classmethod
    def at(cls, path: Path, problem: str, advice: str, line: int = 0) -> "LeadFileError":
        """The error for a path, of which only the name is kept."""
        return cls(path.name or str(path), problem, advice, line)

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{where}: {self.problem} {self.advice}"
