"""Findings in SARIF 2.1.0, the format in which code hosts take the results of analysis tools.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sheetml.report.audit.finding import Finding, Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_WORDS = re.compile(r"-(\w)")


def to_sarif(workbook: Path, findings: Sequence[Finding], rules: Sequence[Rule], version: str) -> dict[str, Any]:
    """One run of the audit on one workbook. Cells are logical locations, as a workbook has no lines."""
    index = {rule.name: position for position, rule in enumerate(rules)}
    driver = {
        "name": "sheetml audit",
        "version": version,
        "rules": [_rule(rule) for rule in rules],
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(workbook, finding, index) for finding in findings],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "name": _WORDS.sub(lambda match: match[1].upper(), f"-{rule.name}"),
        "shortDescription": {"text": f"{rule.title}."},
        "help": {"text": f"Excel: {rule.excel} Mend: {rule.mend}"},
    }


def _result(workbook: Path, finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    message = finding.message[:1].upper() + finding.message[1:]
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": finding.severity,
        "message": {"text": f"{finding.place}: {message} {finding.mend}"},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _uri(workbook)}, "region": {"startLine": 1}},
                "logicalLocations": [{"fullyQualifiedName": finding.place, "kind": "element"}],
            }
        ],
        "partialFingerprints": {"cells/v1": f"{finding.rule}:{finding.place}"},
    }


def _uri(path: Path) -> str:
    """The path as a URI: relative as it was given, which code hosts take from the repository's root."""
    return path.absolute().as_uri() if path.is_absolute() else quote(path.as_posix())
