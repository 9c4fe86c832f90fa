"""`sheetml run`: recompute, solve, train, write back."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sheetml.cli.model_options import how_to_state, is_stated, model_from, model_options
from sheetml.cli.terminal import (
    OUTPUT_FILE,
    PAGES,
    check_output,
    json_option,
    messages,
    overwrite_option,
    print_json,
    quiet_option,
    results,
    say,
    show_block,
    workbook_argument,
    workbook_output,
    write_bytes,
    write_text,
    written,
)
from sheetml.cli.training import EPOCHS, Trained, loop_document, show_loops, trained
from sheetml.errors import CalculationError, SolverError, WorkbookError
from sheetml.optional import needed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetml.api import Workbook
    from sheetml.loops import TrainingLoop
    from sheetml.report.run_report import Recorder
    from sheetml.solve.model import SolverModel
    from sheetml.solve.reports import Report
    from sheetml.xlsx.new_sheets import NewSheet

REPORT_WIDTHS = (4, 12, 28, 16, 20, 16, 20, 20)  # of a report's columns, in characters
INTERRUPTED = 2  # the status of a result that Ctrl-C ended
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one Solver model: a result, or the sentence that says why there is none."""

    sheet: str
    result: Any = None  # scipy.optimize.OptimizeResult
    problem: str = ""
    reports: tuple[Report, ...] = ()

    @property
    def solved(self) -> bool:
        """Whether it came to an answer, or to other values in the cells than they held."""
        return self.result is not None and (self.result.success or self.result.moved)


@click.command()
@workbook_argument
@click.option(
    "-o", "--output", type=OUTPUT_FILE, help="Where to write; default: WORKBOOK with .solved or .run in its name."
)
@click.option("--in-place", is_flag=True, help="Write the result into WORKBOOK itself.")
@overwrite_option
@click.option("--sheet", "sheets", multiple=True, help="Only this sheet's model and loop; may be given several times.")
@model_options
@click.option("--max-time", type=click.FloatRange(min=0), help="Seconds a model; default: what the file says.")
@click.option("--max-iterations", type=click.IntRange(min=1), help="Iterations a model; default: no limit.")
@click.option("--tolerance", type=click.FloatRange(min=0), help="Relative change of the objective at which to stop.")
@click.option("--starts", type=click.IntRange(min=1), default=1, show_default=True, help="Starting points to try.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes for several starts; default: one a processor.")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers take the starts: tcp://HOST:8786.")
@click.option(
    "--engine",
    type=click.Choice(["grg", "lp", "evolutionary", "global"]),
    help="In place of what the file asks for; global proves its answer (needs sheetml[global]).",
)
@click.option("--seed", type=click.IntRange(min=0), help="Makes starting points, RAND and its kind repeatable.")
@click.option("--epochs", type=click.IntRange(min=0), default=EPOCHS, show_default=True, help="Of each training loop.")
@click.option("--no-reset", is_flag=True, help="Training loops go on from the state in the file.")
@click.option("--rules", "by_rules", is_flag=True, help="Run training loops by rules also where there are macros.")
@click.option(
    "--reports",
    metavar="KINDS",
    help="Excel's reports as sheets of the output: answer,sensitivity,limits,feasibility,linearity or all.",
)
@click.option("--report", type=OUTPUT_FILE, help="Write a web page of what the run did into this file.")
@click.option("--png", type=OUTPUT_FILE, help="Write the page's pictures into this folder.")
@json_option
@quiet_option
def command(
    workbook: Path,
    output: Path | None,
    in_place: bool,
    overwrite: bool,
    sheets: tuple[str, ...],
    max_time: float | None,
    max_iterations: int | None,
    tolerance: float | None,
    starts: int,
    workers: int | None,
    scheduler: str | None,
    engine: str | None,
    seed: int | None,
    epochs: int,
    no_reset: bool,
    by_rules: bool,
    reports: str | None,
    report: Path | None,
    png: Path | None,
    as_json: bool,
    quiet: bool,
    **stated: Any,
) -> int:
    """Recompute WORKBOOK, solve every Solver model and run every training loop in it, and write the result beside it.

    Each model is solved from the values stored in the file. Each training loop is reset and run, by the
    workbook's own macros where it has them. The output is the same workbook with the changed values and
    all else untouched. With a goal and --by that model alone is solved, and not stored: sheetml solver
    stores one. Ctrl-C ends a search: the best point so far is kept and written. Exit code 2
    where a model could not be solved or a loop not be run.
    """
    import sheetml

    if in_place and output is not None:
        raise click.UsageError("--in-place and --output contradict each other.")
    if workers is not None and scheduler:
        raise click.UsageError("--workers and --scheduler contradict each other: a scheduler has workers of its own.")
    if output is not None:
        workbook_output(workbook, output, overwrite=overwrite)
    if report is not None:
        check_output(report, PAGES, overwrite=overwrite, option="--report", binary=False)
    book = sheetml.open(workbook)
    book.calculate(seed=seed)
    models, loops = _stated(book, sheets, stated) if is_stated(stated) else _chosen(book, sheets)
    target: Path | None = workbook if in_place else output or _beside(workbook, "solved" if models else "run")
    if target is not None and not in_place and (models or loops or output is None):
        workbook_output(workbook, target, overwrite=overwrite)
    settings = {
        "max_time": max_time,
        "max_iterations": max_iterations,
        "tolerance": tolerance,
        "starts": starts,
        "workers": workers,
        "scheduler": scheduler or "",
        "engine": engine or "",
        "seed": seed,
    }
    recorder = _recorder(book, workbook, report, png)
    kinds = _report_kinds(reports)
    outcomes = list(_solved(models, settings, kinds, not (quiet or as_json), recorder))
    runs: list[Trained] = []
    if _exit_code(outcomes, runs) != EXIT_INTERRUPTED:
        runs += trained(loops, epochs, reset=not no_reset, by_rules=by_rules)
    new_sheets = _report_sheets(book, outcomes)
    if target is not None and (new_sheets or _has_something_to_write(outcomes, runs)):
        book.save(target, overwrite=in_place, new_sheets=new_sheets)
    else:
        target = None
    if recorder is not None:
        for each in runs:
            recorder.add_loop(each.loop.sheet, each.loop.kind, each.history, each.problem)
        chosen = {**settings, "sheet": ", ".join(sheets) or None, "epochs": epochs, "reset": not no_reset}
        _write_report(recorder, workbook, target, chosen, report, png)
    if as_json:
        print_json(_document(book, target, outcomes, runs))
    elif not quiet:
        _print(book, target, outcomes, runs, report, png)
    for problem in _problems(outcomes, runs) if not as_json else []:
        say(f"sheetml: {problem}", error=True)
    return _exit_code(outcomes, runs)


def _stated(
    book: Workbook, sheets: tuple[str, ...], stated: dict[str, Any]
) -> tuple[list[SolverModel], list[TrainingLoop]]:
    """The model that the options state, and no loops."""
    if len(sheets) > 1:
        raise click.UsageError("A model is stated on one sheet: give --sheet once.")
    return [model_from(book, sheets[0] if sheets else None, stated)], []


def _chosen(book: Workbook, sheets: tuple[str, ...]) -> tuple[list[SolverModel], list[TrainingLoop]]:
    """The models to be solved and the loops to be run; a sheet asked for must exist and have one or the other."""
    models, loops = book.solver_models, book.training_loops
    if not sheets:
        return models, loops
    wanted = list(dict.fromkeys(sheet.casefold() for sheet in sheets))
    working = {model.sheet.casefold() for model in models} | {loop.sheet.casefold() for loop in loops}
    for sheet in sheets:
        if sheet.casefold() not in {name.casefold() for name in book.sheet_names}:
            raise WorkbookError(f"{book.path} has no sheet {sheet!r}: it has {', '.join(book.sheet_names)}.")
        if sheet.casefold() not in working:
            raise SolverError(f"{book.path}, sheet {sheet!r}: it has no Solver model and no training loop.")
    return (
        [model for sheet in wanted for model in models if model.sheet.casefold() == sheet],
        [loop for sheet in wanted for loop in loops if loop.sheet.casefold() == sheet],
    )


def _report_kinds(text: str | None) -> list[str]:
    if not text:
        return []
    from sheetml.solve.reports import kinds_from

    return kinds_from(text)


def _report_sheets(book: Workbook, outcomes: list[Outcome]) -> list[NewSheet]:
    """The reports as sheets of the output, named and numbered as Excel does it."""
    from sheetml.solve.reports import rows_of
    from sheetml.xlsx.new_sheets import NewSheet, free_name

    sheets: list[NewSheet] = []
    for outcome in outcomes:
        for report in outcome.reports:
            taken = [*book.sheet_names, *book.file.other_sheets, *(sheet.name for sheet in sheets)]
            sheets.append(NewSheet(free_name(report.title, taken), rows_of(report), REPORT_WIDTHS))
    return sheets


def _has_something_to_write(outcomes: list[Outcome], runs: list[Trained]) -> bool:
    """Whether a model was solved or a loop run, or there was neither and the workbook was recomputed."""
    if not outcomes and not runs:
        return True
    return any(outcome.solved for outcome in outcomes) or any(not each.problem for each in runs)


def _beside(workbook: Path, word: str) -> Path:
    return workbook.with_name(f"{workbook.stem}.{word}{workbook.suffix}")


def _exit_code(outcomes: list[Outcome], runs: list[Trained]) -> int:
    from sheetml.cli import BAD_INPUT

    if any(outcome.result is not None and outcome.result.status == INTERRUPTED for outcome in outcomes):
        return EXIT_INTERRUPTED
    return BAD_INPUT if _problems(outcomes, runs) else 0


def _problems(outcomes: list[Outcome], runs: list[Trained]) -> list[str]:
    """The sentences that say what could not be done."""
    said = [*(outcome.problem for outcome in outcomes), *(each.problem for each in runs)]
    return [problem for problem in said if problem]


# ---- the report --------------------------------------------------------------------------------


def _recorder(book: Workbook, workbook: Path, report: Path | None, png: Path | None) -> Recorder | None:
    """What follows the run for its report, if one is asked for and can be written."""
    if report is None and png is None:
        return None
    from sheetml.report.run_report import Recorder
    from sheetml.xlsx.writer import check_target

    if report is not None:
        check_target(workbook, report, overwrite=False)
    if png is not None:
        needed("matplotlib", extra="plots")  # before the run, not after it
    if png is not None and png.exists() and not png.is_dir():
        raise WorkbookError(f"{png} is a file: name a folder for the pictures.")
    return Recorder(book)


def _write_report(
    recorder: Recorder,
    workbook: Path,
    target: Path | None,
    settings: dict[str, Any],
    report: Path | None,
    png: Path | None,
) -> None:
    from sheetml.report.run_report import run_page, run_pictures

    if report is not None:
        command_line = shlex.join(["sheetml", *sys.argv[1:]])
        write_text(report, run_page(recorder, target, settings, command_line), workbook, target or workbook)
    if png is not None:
        try:
            png.mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            raise WorkbookError(f"{png} cannot be made ({cause.strerror}).") from None
        for name, picture in run_pictures(recorder).items():
            write_bytes(png / name, picture, workbook, target or workbook)


# ---- solving -----------------------------------------------------------------------------------


def _solved(
    models: list[SolverModel], settings: dict[str, Any], kinds: list[str], show: bool, recorder: Recorder | None
) -> Iterator[Outcome]:
    """Solves the models in order; one that cannot be solved does not keep the others from it."""
    for model in models:
        outcome = _outcome(model, settings, kinds, show, recorder)
        yield outcome
        if outcome.result is not None and outcome.result.status == INTERRUPTED:
            return


def _outcome(
    model: SolverModel, settings: dict[str, Any], kinds: list[str], show: bool, recorder: Recorder | None
) -> Outcome:
    if recorder is not None:
        recorder.start(model)
    try:
        with _progress(model.sheet, show) as callback:
            follow = callback if recorder is None else _both(recorder.follow, callback)
            result = model.solve(**settings, callback=follow)
            outcome = Outcome(model.sheet, result, reports=tuple(model.reports(result, kinds) if kinds else ()))
    except (SolverError, CalculationError) as error:
        outcome = Outcome(model.sheet, problem=str(error))
    if recorder is not None:
        recorder.finish(model, outcome.result, outcome.problem, outcome.reports)
    return outcome


def _both(one: Callable[[Any], None], other: Callable[[Any], None] | None) -> Callable[[Any], None]:
    def follow(state: Any) -> None:
        one(state)
        if other is not None:
            other(state)

    return follow


@contextmanager
def _progress(sheet: str, show: bool) -> Iterator[Callable[[Any], None] | None]:
    """A line on the terminal that follows the search."""
    console = messages()
    if not (show and console.is_terminal):
        yield None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"{sheet}: starting")

        def follow(state: Any) -> None:
            text = f"{sheet}: iteration {state.iteration:,}, objective {state.objective:.10g}"
            progress.update(task, description=text)

        yield follow


# ---- showing -----------------------------------------------------------------------------------


def _print(
    book: Workbook,
    target: Path | None,
    outcomes: list[Outcome],
    runs: list[Trained],
    report: Path | None,
    png: Path | None,
) -> None:
    from sheetml.solve.model import left_over

    console = results()
    for outcome in outcomes:
        if outcome.result is not None:
            show_block(console, outcome.result.sheet, _lines(outcome.result))
    if not outcomes and not runs:
        console.print("There is no Solver model and no training loop in the workbook: it was recomputed.", markup=False)
        console.print(f"State a model with: {how_to_state(book)}", markup=False, soft_wrap=True)
    show_loops(console, runs)
    for address, reason in list(book.problems.items())[:10]:
        console.print(f"{address} could not be computed: {reason}", markup=False)
    for sentence in left_over(book):
        console.print(sentence, markup=False)
    if target is None:
        console.print("Nothing was solved: nothing was written.", markup=False)
    written(console, target, report, png)


def _lines(result: Any) -> Iterator[tuple[str, str]]:
    """What came of a model, in words."""
    from sheetml.report.ticks import short
    from sheetml.report.words import figure, quantity

    own = [_own(area, result.sheet) for area in result.adjustable]
    objective = _own(result.objective, result.sheet) if result.objective else "none"
    before, after = figure(float(result.fun_start)), figure(float(result.fun))
    yield "Objective", f"{objective}: {before} → {after}" if result.objective else objective
    yield "Adjustable", f"{quantity(result.x.size, 'cell')}: {', '.join(own)}"
    gradient = float(result.gradient_norm)
    search = [quantity(result.nit, "iteration"), quantity(result.nfev, "evaluation")]
    search += [] if gradient != gradient else [f"gradient {short(gradient, 2)}"]
    yield "Search", f"{', '.join(search)}, {result.seconds:.2f} s"
    yield "Result", result.message


def _own(address: str, sheet: str) -> str:
    """An address without the name of the sheet it is shown with."""
    from sheetml.formula.references import quote_sheet

    return address.removeprefix(f"{quote_sheet(sheet)}!")


def _document(book: Workbook, target: Path | None, outcomes: list[Outcome], runs: list[Trained]) -> dict[str, Any]:
    import sheetml
    from sheetml.solve.model import left_over

    return {
        "sheetml": sheetml.__version__,
        "workbook": book.path,
        "output": target,
        "models": [_model_document(outcome) for outcome in outcomes],
        "training_loops": [loop_document(each) for each in runs],
        "left_over": left_over(book),
        "not_computed": book.problems,
    }


def _model_document(outcome: Outcome) -> dict[str, Any]:
    from sheetml.solve.reports import document_of

    result = outcome.result
    if result is None:
        return {"sheet": outcome.sheet, "success": False, "message": outcome.problem}
    return {
        "sheet": result.sheet,
        "objective": result.objective,
        "adjustable": result.adjustable,
        "before": result.fun_start,
        "after": result.fun,
        "iterations": result.nit,
        "evaluations": result.nfev,
        "gradient_evaluations": result.njev,
        "gradient_norm": result.gradient_norm,
        "constraint_violation": result.constraint_violation,
        "seconds": result.seconds,
        "method": result.method,
        **({"gap": result.gap} if "gap" in result else {}),
        "success": result.success,
        "message": result.message,
        **({"reports": [document_of(report) for report in outcome.reports]} if outcome.reports else {}),
    }
