"""Looks a workbook over for what is probably wrong in it, and says what, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable

from sheetml.errors import SheetmlError
from sheetml.report.audit.finding import ERROR, NOTE, SEVERITIES, WARNING, Finding, Observation, Rule, Subject
from sheetml.report.audit.rules import RULES
from sheetml.tables import html_table
from sheetml.workbook import Book

__all__ = ["ERROR", "NOTE", "RULES", "WARNING", "Finding", "Findings", "Rule", "audit"]


class Findings(list[Finding]):
    """What an audit found; notebooks show it as a table."""

    def _repr_html_(self) -> str:
        rows = [[each.severity, each.place, each.message, each.mend] for each in self]
        return html_table(["", "Place", "Finding", "Mend"], rows, f"{len(self):,} findings")


def audit(workbook: Book, *, only: Iterable[str] = (), ignore: Iterable[str] = ()) -> Findings:
    """All findings on a workbook, errors first; `only` and `ignore` name rules.

    The workbook is calculated first if it was not. Raises ValueError where there is no such rule.
    """
    only, ignore = set(only), set(ignore)
    unknown = sorted((only | ignore) - {rule.name for rule in RULES})
    if unknown:
        raise ValueError(f"there is no rule {unknown[0]!r}: the rules are {', '.join(rule.name for rule in RULES)}")
    subject = Subject(workbook)
    findings: list[Finding] = []
    for rule in RULES:
        if rule.name not in ignore and (not only or rule.name in only):
            findings += _found(rule, subject)
    return Findings(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def _found(rule: Rule, subject: Subject) -> list[Finding]:
    try:
        return [seen.as_finding(rule) for seen in rule.look(subject)]
    except SheetmlError as error:  # this rule's end, not the audit's, and said
        seen = Observation(NOTE, str(subject.workbook.path), f"this rule could not be applied: {error}")
        return [seen.as_finding(rule)]
