"""`sheetml audit`: what is probably wrong in a workbook?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sheetml.cli.terminal import (
    OUTPUT_FILE,
    check_output,
    json_option,
    messages,
    overwrite_option,
    print_json,
    quiet_option,
    results,
    say,
    workbook_argument,
    write_text,
    written,
)

if TYPE_CHECKING:
    from rich.console import Console

    from sheetml.report.audit import Finding


def _list_rules(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from sheetml.report.audit import RULES

    width = max(len(rule.name) for rule in RULES)
    for rule in RULES:
        say(f"{rule.name:<{width}}  {rule.title}")
    context.exit()


@click.command()
@workbook_argument
@click.option("--only", multiple=True, metavar="RULE", help="Only this rule; may be given several times.")
@click.option("--ignore", multiple=True, metavar="RULE", help="Not this rule; may be given several times.")
@click.option("--sarif", type=OUTPUT_FILE, help="Write the findings for a code host, in SARIF 2.1.0, into this file.")
@click.option(
    "--rules", is_flag=True, is_eager=True, expose_value=False, callback=_list_rules, help="List the rules and exit."
)
@overwrite_option
@json_option
@quiet_option
def command(
    workbook: Path,
    only: tuple[str, ...],
    ignore: tuple[str, ...],
    sarif: Path | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Look WORKBOOK over for what is probably wrong in it.

    Each finding names the cells, how severe it is, the rule, what Excel would say, and how to mend it.
    Exit code 1 where there is an error among the findings; warnings and notes leave it at 0.
    """
    import json

    import sheetml
    from sheetml.report.audit import ERROR, RULES, audit
    from sheetml.report.audit.sarif import to_sarif

    if sarif is not None:
        check_output(sarif, (".sarif", ".json"), overwrite=overwrite, option="--sarif", binary=False)
    try:
        findings = audit(sheetml.open(workbook), only=only, ignore=ignore)
    except ValueError as error:
        raise click.UsageError(f"{str(error).capitalize()}.") from None
    if sarif is not None:
        document = to_sarif(workbook, findings, RULES, sheetml.__version__)
        write_text(sarif, json.dumps(document, indent=2, ensure_ascii=False) + "\n", workbook)
    if as_json:
        print_json({"workbook": workbook, "findings": [dataclasses.asdict(finding) for finding in findings]})
    elif not quiet:
        _print(workbook, findings, results())
    if not quiet:
        written(messages(), sarif)
    return int(any(finding.severity == ERROR for finding in findings))


def _print(workbook: Path, findings: list[Finding], console: Console) -> None:
    from rich.text import Text

    styles = {"error": "bold red", "warning": "yellow", "note": "cyan"}
    for finding in findings:
        console.print(
            Text.assemble(
                (finding.severity, styles[finding.severity]), " ", (finding.place, "bold"), f"  [{finding.rule}]"
            )
        )
        console.print(Text(f"  {finding.message[:1].upper()}{finding.message[1:]}"))
        if finding.excel:
            console.print(Text(f"  Excel: {finding.excel}"))
        console.print(Text(f"  Mend:  {finding.mend}"))
    console.print(Text(f"{workbook}: {_verdict(findings)}"))


def _verdict(findings: list[Finding]) -> str:
    from sheetml.report.audit.finding import SEVERITIES
    from sheetml.report.words import quantity

    counts = [(severity, sum(finding.severity == severity for finding in findings)) for severity in SEVERITIES]
    return (
        ", ".join(quantity(count, severity) for severity, count in counts if count) + "."
        if findings
        else "nothing odd."
    )
