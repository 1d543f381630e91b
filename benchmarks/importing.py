"""Import: how much of what is known of some files is found in them, and whether text is lost.

    python benchmarks/importing.py FOLDER ANSWERS.csv [--json]

ANSWERS.csv (UTF-8) has a line for each file below FOLDER:

    file,title,doc_number,issuer,issued,effective,expires
    notice.docx,关于……的通知,某政发〔2024〕3号,某市人民政府,2024-03-05,2024-04-01,2029-03-31

An empty cell says that the file does not tell, and nothing may be found. Dates are 2024-03-05;
several issuers are joined by 、. Printed for each field: right, wrong (with how many of these were
given as sure), missed, and rightly left empty; then every file with what was wrong, and the
characters that are in the file's blocks but not in its draft. Needs only the extra `import`.
"""

import argparse
import csv
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.checks import fold_doc_number
from indexer.drafts import cover_personal_data, text_of
from indexer.filereading import read_transcript
from indexer.findings import Findings
from indexer.gleaning import glean
from indexer.lookalikes import fold
from indexer.markup import write_body
from indexer.transcript import Transcript, Unreadable

FIELDS = ("title", "doc_number", "issuer", "issued", "effective", "expires")
VERDICTS = ("right", "wrong", "wrong_and_sure", "missed", "rightly_empty")


@dataclass(frozen=True)
class Mistake:
    """One field of one file that came out otherwise than it should."""

    file: str
    field: str
    found: str
    expected: str
    sure: bool


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with options.answers.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    measured = measure(options.folder, rows)
    if options.json:
        json.dump(measured, sys.stdout, ensure_ascii=False, indent=1)
    else:
        report(measured)
    return 0


def measure(folder: Path, rows: list[dict[str, str]]) -> dict[str, Any]:
    """Return the verdicts by field, the mistakes, and the characters lost by file."""
    counts: dict[str, Counter[str]] = {field: Counter() for field in FIELDS}
    mistakes: list[Mistake] = []
    lost: dict[str, int] = {}
    unread: dict[str, str] = {}
    for row in rows:
        try:
            transcript, _ = cover_personal_data(read_transcript(folder / row["file"]))
        except Unreadable as error:
            unread[row["file"]] = str(error)
            continue
        findings = glean(transcript)
        lost[row["file"]] = characters_lost(transcript)
        for field in FIELDS:
            verdict, mistake = judge(row, field, findings)
            counts[field][verdict] += 1
            mistakes += [mistake] if mistake else []
    return {
        "files": len(rows),
        "fields": {field: {name: counts[field][name] for name in VERDICTS} for field in FIELDS},
        "mistakes": [vars(mistake) for mistake in mistakes],
        "characters_lost": lost,
        "unreadable": unread,
    }


def judge(row: dict[str, str], field: str, findings: Findings) -> tuple[str, Mistake | None]:
    """Compare what was found with the answer; only what a draft would hold counts as found."""
    expected, guess = (row.get(field) or "").strip(), findings.likely(field)
    found = guess.value if guess else ""
    if same(field, found, expected):
        return ("right" if expected else "rightly_empty"), None
    sure = guess is not None and guess.is_sure
    mistake = Mistake(row["file"], field, found, expected, sure)
    if not found:
        return "missed", mistake
    return ("wrong_and_sure" if sure else "wrong"), mistake


def same(field: str, found: str, expected: str) -> bool:
    """Tell whether a value is the answer, however it is written."""
    if field == "doc_number":
        return fold_doc_number(found) == fold_doc_number(expected)
    if field in ("title", "issuer"):
        return fold(found) == fold(expected)
    return found == expected


def characters_lost(transcript: Transcript) -> int:
    """Return how many characters of the file are not in the body of its draft."""
    written = Counter(fold(write_body(transcript)))
    return (Counter(fold(text_of(transcript))) - written).total()


def report(measured: dict[str, Any]) -> None:
    """Print the table, the mistakes, and the losses."""
    print(f"{'field':12}" + "".join(f"{name:>16}" for name in VERDICTS))
    for field, counts in measured["fields"].items():
        print(f"{field:12}" + "".join(f"{counts[name]:16}" for name in VERDICTS))
    for mistake in measured["mistakes"]:
        sure = ", given as sure" if mistake["sure"] else ""
        print(f"{mistake['file']}  {mistake['field']}{sure}")
        print(f"    found    {mistake['found'] or '-'}\n    expected {mistake['expected'] or '-'}")
    for file, reason in measured["unreadable"].items():
        print(f"{file}  unreadable: {reason}")
    total = sum(measured["characters_lost"].values())
    print(f"characters lost between file and draft: {total}")


if __name__ == "__main__":
    sys.exit(main())
