"""`sheetml fit`: train a model of ratings."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sheetml.cli.ratings_options import movies_option, ratings_options, read_blocks, read_ratings
from sheetml.cli.terminal import (
    EXISTING_FILE,
    OUTPUT_FILE,
    OneOf,
    json_option,
    messages,
    print_json,
    quiet_option,
    results,
)
from sheetml.errors import ModelError
from sheetml.optional import needed

if TYPE_CHECKING:
    from sheetml.learn import Epoch, FactorModel, RateSearch, Ratings
    from sheetml.learn.history import OnEpoch
    from sheetml.learn.optimizers import Optimizer
    from sheetml.learn.schedules import Schedule
    from sheetml.learn.training import Progress

MODEL = OneOf("sheetml.learn", "MODELS")
OPTIMIZER = OneOf("sheetml.learn.optimizers", "OPTIMIZERS")
SCHEDULE = OneOf("sheetml.learn.schedules", "SCHEDULES")
BYTES_TO_READ = 64  # memory that a rating takes while it is read and split
SPLITS = ("random", "time", "last")


@click.command()
@click.argument("ratings", type=EXISTING_FILE)
@click.option("-o", "--output", type=OUTPUT_FILE, help="Where to write; default: RATINGS with .model.npz at its end.")
@click.option("--model", "kind", type=MODEL, default="dot-bias", show_default=True, help="Which model.")
@click.option("--factors", type=click.IntRange(min=1), help="Numbers in an embedding.")
@click.option("--epochs", type=click.IntRange(min=1), help="How often to go through the ratings.")
@click.option("--batch", type=click.IntRange(min=1), help="Ratings in a minibatch.")
@click.option("--optimizer", type=OPTIMIZER, help="The update rule.")
@click.option("--lr", type=click.FloatRange(min=0), help="The learning rate.")
@click.option("--momentum", type=click.FloatRange(0, 1, max_open=True), help="Of momentum, nesterov and sgdw.")
@click.option("--weight-decay", type=click.FloatRange(min=0), help="How much the optimizer draws numbers to 0.")
@click.option("--dense/--lazy", default=None, help="Whether rows outside a minibatch move as well (see the docs).")
@click.option("--schedule", type=SCHEDULE, help="How the learning rate changes.")
@click.option("--cycle-len", type=click.IntRange(min=1), help="Epochs of the first cycle of sgdr.")
@click.option("--cycle-mult", type=click.IntRange(min=1), help="What each next cycle of sgdr is times longer.")
@click.option("--range", "limits", help='Limits of predictions: "data", "wide", "none", or two numbers as in 0.5:5.')
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Any other setting of the model.")
@click.option("--valid", type=click.FloatRange(0, 1, max_open=True), default=0.2, show_default=True,
              help="The part of the ratings kept for validation; 0 for none.")  # fmt: skip
@click.option("--split", type=click.Choice(SPLITS), default="random", show_default=True,
              help="Which ratings are kept: any, the latest, or each user's last.")  # fmt: skip
@click.option("--patience", type=click.IntRange(min=1), help="Stop after so many epochs without a better validation.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of split, start and order.")
@click.option("--workers", type=click.IntRange(min=1),
              help="Cores for one training of dot or dot-bias, with --lazy; the order of work differs.")  # fmt: skip
@click.option("--out-of-core/--in-memory", default=None,
              help="Whether the ratings are kept on disk, in blocks beside the output; by default where they would "
                   "fill half the memory.")  # fmt: skip
@ratings_options
@movies_option
@click.option("--checkpoint", type=OUTPUT_FILE, help="Write all that is needed to go on there after each epoch.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint, if it is there.")
@click.option("--find-lr", is_flag=False, flag_value="", type=str, metavar="[PNG]",
              help="Search for a learning rate, print it, draw it to PNG if given; train nothing.")  # fmt: skip
@click.option("--report", type=OUTPUT_FILE, help="Write a page about the fit: losses, biases, embeddings, settings.")
@click.option("--plots", type=OUTPUT_FILE, help="Write the pictures of the report into this folder, as PNG.")
@json_option
@quiet_option
def command(ratings: Path, output: Path | None, kind: str, **options: Any) -> int:
    """Train a model on RATINGS, a file with a line for each rating, and write it as .npz.

    RATINGS is a CSV file (plain or .gz), a Parquet file, or one of MovieLens' own forms (u.data,
    ratings.dat). The loss of each epoch is printed, on the training and on the validation part. Ctrl-C
    ends the training: what it has learned so far is written.
    """
    target = output or ratings.with_name(f"{ratings.name.split('.')[0]}.model.npz")
    _spare_the_input([ratings, options["movies"]], [target, options["checkpoint"], options["report"]])
    try:
        model = _model(kind, options)
    except ValueError as error:
        raise ModelError(f"the model {kind} cannot be made: {error}.") from None
    if options["find_lr"] or options["report"] or options["plots"]:
        needed("matplotlib", extra="plots")  # before the training, not after it
    if _is_out_of_core(ratings, options):
        return _fit_on_disk(ratings, model, target, options)
    read = read_ratings(ratings, options)
    if options["find_lr"] is not None:
        return _find_learning_rate(model, read, options)
    train, valid = _split(read, options["valid"], options["split"], options["seed"])
    counts = _Counts(len(train), train.user_count, train.item_count, 0 if valid is None else len(valid))
    show = _start(model, counts, options)
    interrupted = _fit(model, lambda **told: model.fit(train, validation=valid, **told), options, show)
    measured = {} if valid is None else model.evaluate(valid)
    _write_pictures(model, train, measured, options)
    return _end(model, counts, measured, target, options, interrupted)


@dataclass(frozen=True)
class _Counts:
    """How many ratings are fitted to, of how many users and items, and how many are held out."""

    ratings: int
    users: int
    items: int
    held_out: int


# ---- ratings on disk


def _is_out_of_core(path: Path, options: dict[str, Any]) -> bool:
    if options["out_of_core"] is not None:
        return bool(options["out_of_core"])
    from sheetml.learn.ratings_files import count_of_rows

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return count_of_rows(path) * BYTES_TO_READ > memory / 2


def _fit_on_disk(path: Path, model: FactorModel, target: Path, options: dict[str, Any]) -> int:
    """Fits to ratings in blocks on disk, which are removed in the end."""
    unfit = {
        "--split": options["split"] != "random",
        "--find-lr": options["find_lr"] is not None,
        "--report": options["report"] is not None,
        "--plots": options["plots"] is not None,
    }
    for name, given in unfit.items():
        if given:
            raise ModelError(f"{name} needs the ratings in memory: leave it out, or ask for --in-memory.")
    if not model.blocks_by:
        raise ModelError(f"{model!r} needs the ratings in memory: choose als, dot-bias, dot or net, or --in-memory.")
    with tempfile.TemporaryDirectory(prefix=".sheetml-ratings-", dir=target.parent) as folder:
        blocks = read_blocks(path, Path(folder), model.blocks_by, options)
        facts = blocks.facts
        counts = _Counts(len(blocks), facts.user_count, facts.item_count, blocks.held_out_count)
        show = _start(model, counts, options)
        interrupted = _fit(model, lambda **told: model.fit_blocks(blocks, **told), options, show)
        measured = model.evaluate_parts(blocks.held_out())
        return _end(model, counts, measured, target, options, interrupted)


def _start(model: FactorModel, counts: _Counts, options: dict[str, Any]) -> bool:
    """Says what is fitted to what, unless that is not asked for; whether it is."""
    show = not (options["quiet"] or options["as_json"])
    if show:
        held_out = f", {counts.held_out:,} more for validation" if counts.held_out else ""
        numbers = f"{counts.ratings:,} ratings of {counts.items:,} items by {counts.users:,} users{held_out}"
        results().print(f"{model!r}\n{numbers}", markup=False)
    return show


def _end(
    model: FactorModel, counts: _Counts, measured: dict[str, float], target: Path, options: dict[str, Any],
    interrupted: bool,
) -> int:  # fmt: skip
    """Writes the model, and says so."""
    model.save(target)
    if options["as_json"]:
        print_json(_document(model, counts, measured, target, interrupted))
    elif not options["quiet"]:
        _print_end(measured, target, options)
    return _exit_code(interrupted)


def _spare_the_input(inputs: list[Path | None], outputs: list[Path | None]) -> None:
    read = {path.resolve() for path in inputs if path is not None}
    for path in outputs:
        if path is not None and path.resolve() in read:
            raise ModelError(f"{path} is read by this command: name another file to write.")


def _exit_code(interrupted: bool) -> int:
    from sheetml.cli import INTERRUPTED

    return INTERRUPTED if interrupted else 0


# ---- settings


def _model(kind: str, options: dict[str, Any]) -> FactorModel:
    """The model asked for, with the settings given. Raises ModelError for one that it does not have."""
    from sheetml.learn import MODELS

    chosen = MODELS[kind]
    settings: dict[str, Any] = {"seed": options["seed"]} if "seed" in chosen.parameter_names() else {}
    for name in ("factors", "epochs", "batch", "patience", "workers"):
        if options[name] is not None:
            settings[name] = options[name]
    if options["limits"] is not None:
        settings["rating_range"] = _limits(options["limits"])
    usual = chosen()
    for text in options["settings"]:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint="--set")
        name = name.strip().replace("-", "_")
        settings[name] = _value(value, getattr(usual, name, None), text)
    trained = "optimizer" in chosen.parameter_names()
    if trained:
        settings["optimizer"] = _optimizer(usual.optimizer, options)  # type: ignore[attr-defined]
        settings["schedule"] = _schedule(options)
    known = set(chosen.parameter_names())
    unknown = [f"--{name.replace('_', '-')}" for name in settings if name not in known]
    if not trained:
        unknown += [f"--{name}" for name in ("optimizer", "lr", "schedule", "checkpoint") if options[name] is not None]
    if unknown:
        raise ModelError(
            f"the model {kind} has no {', no '.join(unknown)}; its settings are {', '.join(sorted(known))}."
        )
    return usual.set_params(**settings)


def _optimizer(usual: str, options: dict[str, Any]) -> Optimizer:
    from sheetml.learn.optimizers import optimizer_named

    optimizer = optimizer_named(options["optimizer"] or usual)
    given = {"learning_rate": options["lr"], "momentum": options["momentum"],
             "weight_decay": options["weight_decay"], "dense": options["dense"]}  # fmt: skip
    changes = {name: value for name, value in given.items() if value is not None}
    if "momentum" in changes and "momentum" not in optimizer.parameter_names():
        raise ModelError(f"the optimizer {options['optimizer'] or usual} has no --momentum.")
    return optimizer.with_params(**changes)


def _schedule(options: dict[str, Any]) -> Schedule:
    from sheetml.learn.schedules import SGDR, schedule_named

    schedule = schedule_named(options["schedule"] or "constant")
    given = {name: options[name] for name in ("cycle_len", "cycle_mult") if options[name] is not None}
    if given and not isinstance(schedule, SGDR):
        raise ModelError("--cycle-len and --cycle-mult belong to --schedule sgdr.")
    return schedule.with_params(**given)


def _limits(text: str) -> tuple[float, float] | str | None:
    if text in ("data", "wide"):
        return text
    if text == "none":
        return None
    try:
        low, high = (float(part) for part in text.split(":"))
        if low < high:
            return low, high
    except ValueError:
        pass
    wanted = "data, wide, none, or two rising numbers as in 0.5:5"
    raise click.BadParameter(f"{text!r} is not {wanted}.", param_hint="--range")


def _value(text: str, usual: Any, stated: str) -> Any:
    """A setting's value: JSON if it is that, else the text; lists are tuples. It must be like the usual one."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text.strip()
    value = tuple(value) if isinstance(value, list) else value
    if not _is_like(value, usual):
        sentence = f"{stated!r}: the usual value is {usual!r}, and {text!r} is not like it."
        raise click.BadParameter(sentence, param_hint="--set")
    return value


def _is_like(value: Any, usual: Any) -> bool:
    if isinstance(value, bool) or isinstance(usual, bool):
        return isinstance(value, bool) and (usual is None or isinstance(usual, bool))
    if isinstance(value, tuple):
        return isinstance(usual, (tuple, str)) and len(value) == 2 and all(type(each) in (int, float) for each in value)
    if isinstance(usual, float):
        return isinstance(value, (int, float))
    if isinstance(usual, (str, tuple)):
        return isinstance(value, str)
    return isinstance(value, (int, type(None) if usual is None else int))


def _split(ratings: Ratings, part: float, how: str, seed: int) -> tuple[Ratings, Ratings | None]:
    if part == 0:
        return ratings, None
    if how == "time":
        return ratings.split_by_time(part)
    return ratings.split_last() if how == "last" else ratings.split(part, seed)


# ---- fitting


def _fit(model: FactorModel, fit: Callable[..., object], options: dict[str, Any], show: bool) -> bool:
    """Fits the model; True where Ctrl-C ended it. The first epoch must have ended by then."""
    from sheetml.learn.embedding import EmbeddingModel

    with _told(show) as (progress, on_epoch):
        more: dict[str, Any] = {"on_epoch": on_epoch}
        if isinstance(model, EmbeddingModel):
            there = options["checkpoint"] is not None and options["checkpoint"].exists()
            more |= {"progress": progress, "checkpoint": options["checkpoint"], "resume": options["resume"] and there}
        try:
            fit(**more)
        except KeyboardInterrupt:
            if not model.history_ or not isinstance(model, EmbeddingModel):
                raise
            return True
    return False


@contextmanager
def _told(show: bool) -> Iterator[tuple[Progress | None, OnEpoch | None]]:
    """What to call as the fit goes on: a progress bar, where there is a terminal, and a line an epoch."""
    if not show:
        yield None, None
        return
    from rich import progress as rich_progress

    console, lines = messages(), results()
    bar = rich_progress.Progress(
        rich_progress.TextColumn("epoch {task.fields[epoch]}"),
        rich_progress.BarColumn(),
        rich_progress.TextColumn("loss {task.fields[loss]:.4f}"),
        rich_progress.TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = bar.add_task("", epoch=1, loss=float("nan"))

    def progress(done: int, total: int, loss: float) -> None:
        bar.update(task, completed=done, total=total, loss=loss)

    def on_epoch(epoch: Epoch) -> None:
        if epoch.epoch == 1:
            lines.print("epoch      train      valid       rate    seconds")
        lines.print(_line(epoch))
        bar.reset(task, epoch=epoch.epoch + 1, loss=epoch.train_loss)

    with bar:
        yield progress, on_epoch


def _line(epoch: Epoch) -> str:
    valid = "" if epoch.valid_loss is None else f"{epoch.valid_loss:.5f}"
    rate = "" if epoch.learning_rate is None else f"{epoch.learning_rate:.3g}"
    return f"{epoch.epoch:>5} {epoch.train_loss:>10.5f} {valid:>10} {rate:>10} {epoch.seconds:>10.3f}"


def _find_learning_rate(model: FactorModel, ratings: Ratings, options: dict[str, Any]) -> int:
    from sheetml.learn import find_learning_rate
    from sheetml.learn.embedding import EmbeddingModel

    if not isinstance(model, EmbeddingModel):
        raise ModelError(f"a {type(model).__name__} has no learning rate to find.")
    search = find_learning_rate(model, ratings)
    picture = options["find_lr"]
    if picture:
        from sheetml.report.ratings_plots import rate_plot, save_png

        save_png(rate_plot(search), Path(picture))
    _print_search(search, picture, options["as_json"])
    return 0


def _print_search(search: RateSearch, picture: str, as_json: bool) -> None:
    if as_json:
        print_json({"suggestion": search.suggestion, "limit": search.limit, "rates": search.rates,
                    "losses": search.losses})  # fmt: skip
        return
    console = results()
    if console.is_terminal:
        _draw(search)
    console.print(f"the loss falls fastest at a learning rate of {search.suggestion:.2g};")
    console.print(f"a tenth of the rate with the least loss is {search.limit:.2g}.")
    if picture:
        console.print(f"drawn to {picture}")


def _draw(search: RateSearch) -> None:
    plotext = needed("plotext", extra="plots")
    plotext.clear_figure()
    plotext.plot(search.rates.tolist(), search.losses.tolist())
    plotext.xscale("log")
    plotext.plot_size(70, 15)
    plotext.title("loss by learning rate")
    plotext.show()


# ---- results


def _write_pictures(model: FactorModel, train: Ratings, measured: dict[str, float], options: dict[str, Any]) -> None:
    if options["plots"] is not None:
        from sheetml.report.ratings_plots import plots_of, save_png

        try:
            options["plots"].mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{options['plots']}: the folder cannot be made ({error.strerror}).") from None
        for name, figure in plots_of(model).items():
            save_png(figure, options["plots"] / f"{name}.png")
    if options["report"] is not None:
        from sheetml.report.fit_page import write_fit_page

        write_fit_page(options["report"], model, train, measured)


def _document(
    model: FactorModel, counts: _Counts, measured: dict[str, float], target: Path, stopped: bool
) -> dict[str, Any]:
    from sheetml.learn.storage import described

    return {
        "model": described(model),
        "ratings": counts.ratings,
        "users": counts.users,
        "items": counts.items,
        "validation_ratings": counts.held_out,
        "interrupted": stopped,
        "epochs": [vars(epoch) for epoch in model.history_],
        "validation": measured,
        "output": target,
    }


def _print_end(measured: dict[str, float], target: Path, options: dict[str, Any]) -> None:
    console = results()
    if measured:
        console.print("validation: " + ", ".join(f"{name} {value:.5f}" for name, value in measured.items()))
    written = [target, *(options[name] for name in ("report", "plots") if options[name] is not None)]
    console.print("written: " + ", ".join(str(path) for path in written), markup=False)
