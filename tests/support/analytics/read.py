"""What a sink wrote, read again."""

import csv
import json
from pathlib import Path


def read_csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def read_jsonl(path: Path) -> list[dict[str, object]]:
    # Not splitlines(): texts may hold U+2028, which that takes for the end of a line.
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
