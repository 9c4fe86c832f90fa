"""The optimisers of the workbook that sheetml builds, each as the formulas of its sheet.

All sheets share columns A to I: x, y, b, a, pred, de/db, de/da, new b, new a, one row an example. What
else an optimiser needs stands in columns from J on; its state is carried over from the last row to the
first through the row below the last. In formulas `{r}` is the row, `{p}` the one before, `{first}` and
`{last}` those of the data, `{s}` the row below them. The rules are those of `sheetml.learn.optimizers`,
with the lesson's dampening of running means by 1 - beta.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# By cell: a label, and a number or a formula, or what is told by the data: "training", "decay".
Settings = dict[str, tuple[str, float | str]]

GRADIENT_B, GRADIENT_A = "2*(D{r}*A{r}+C{r}-B{r})", "F{r}*A{r}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the rows: its heading, its formula and what to say of it."""

    heading: str
    formula: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """Columns whose last row the next epoch starts from; `stem` names them: momtarget, momlast."""

    stem: str
    columns: str  # letters, beside each other
    last: str = ""  # the name of where it ends; usually stem + "last"


@dataclass(frozen=True, slots=True)
class OptimizerSheet:
    """A sheet: its rule in words, its columns from F on, and its settings."""

    name: str
    about: str
    rate: str  # key of the learning rate among those that suit the data
    columns: tuple[Column, ...]
    states: tuple[State, ...] = ()
    settings: Settings = field(default_factory=dict)
    starts: dict[str, float | str] | None = (
        None  # what a reset starts from, for sheets that say it; the rest is the lesson's
    )
    cells: dict[str, str] = field(default_factory=dict)  # further formulas, numbers and texts, by cell
    names: dict[str, str] = field(default_factory=dict)  # further names, by cell


def _weights(b: str, a: str) -> tuple[Column, Column]:
    return (
        Column("new b", b, "The intercept after this row: the next row starts from it."),
        Column("new a", a, "The slope after this row: the next row starts from it."),
    )


def _gradients(b: str = GRADIENT_B, a: str = GRADIENT_A) -> tuple[Column, Column]:
    return (
        Column("de/db", b, "The derivative of the error (a*x + b - y)^2 by b: 2*(a*x + b - y)."),
        Column("de/da", a, "The derivative of the error by a: x times that by b."),
    )


_MEANS = (
    Column("mean de/db", "J{p}*$J$1+$K$1*F{r}", "Running mean of de/db: beta of what it was, 1 - beta of the new one."),
    Column("mean de/da", "K{p}*$J$1+$K$1*G{r}", "Running mean of de/da."),
)
_SQUARES = (
    Column("mean (de/db)^2", "L{p}*$L$1+$M$1*F{r}^2", "Running mean of the square of de/db."),
    Column("mean (de/da)^2", "M{p}*$L$1+$M$1*G{r}^2", "Running mean of the square of de/da."),
)
_STEP = Column(
    "step", "N{p}+1", "How many rows there were so far: the running means started at 0, and this corrects it."
)
_BETA: Settings = {"J1": ("beta", 0.9), "K1": ("1 - beta", "1-J1")}
_BETAS: Settings = {**_BETA, "L1": ("beta 2", 0.9), "M1": ("1 - beta 2", "1-L1")}
_CORRECTED: Settings = {**_BETAS, "L1": ("beta 2", 0.999), "P1": ("epsilon", 1e-8)}
_DECAYED: Settings = {**_CORRECTED, "R1": ("weight decay", "decay")}
_MOMENTUM = State("mom", "JK")
_SQUARED = State("grad", "LM", "ms_last")
_COUNTED = (_MOMENTUM, _SQUARED, State("step", "N"))


def _corrected(mean: str, square: str, root: str = "") -> str:
    """What Adam subtracts, without the rate: the corrected mean over the root of the corrected mean square."""
    return f"({mean}{{r}}/(1-$J$1^N{{r}}))/(SQRT({root or square}{{r}}/(1-$L$1^N{{r}}))+$P$1)"


def _adam_like(root: tuple[str, str] = ("L", "M"), shrink: str = "") -> tuple[Column, Column]:
    return _weights(
        f"C{{r}}{shrink}-$D$2*{_corrected('J', root[0])}", f"D{{r}}{shrink}-$D$2*{_corrected('K', root[1])}"
    )


_PLAIN = _weights("C{r}-F{r}*L{r}", "D{r}-G{r}*L{r}")
_ADAGRAD = _weights("C{r}-F{r}*F$2", "D{r}-G{r}*G$2")
_ADAGRAD_CELLS = {
    "F2": "=$D$2/F1",
    "G2": "=$D$2/G1",
    "F{s}": "=SQRT(SUMSQ(F{first}:F{last}))/COUNT(F{first}:F{last})",
    "G{s}": "=SQRT(SUMSQ(G{first}:G{last}))/COUNT(G{first}:G{last})",
}
_ADAM = _weights("C{r}-J{r}*$D$2/SQRT(L{r})", "D{r}-K{r}*$D$2/SQRT(M{r})")

LESSON: tuple[OptimizerSheet, ...] = (
    OptimizerSheet(
        "momentum",
        "momentum: each row steps along a running mean of the gradients.",
        "gradient",
        (*_gradients(), *_weights("C{r}-J{r}*$D$2", "D{r}-K{r}*$D$2"), *_MEANS),
        (_MOMENTUM,),
        _BETA,
    ),
    OptimizerSheet(
        "adagrad",
        "Adagrad: each weight has a learning rate of its own, divided by the root of its mean squared "
        "gradient in the epoch before.",
        "adagrad",
        (*_gradients(), *_ADAGRAD),
        cells=_ADAGRAD_CELLS,
        names={"gradtarget": "F1:G1", "histgrad": "F{s}:G{s}"},
    ),
    OptimizerSheet(
        "rmsprop",
        "RMSProp: as Adagrad, with a running mean of squared gradients; each row divides by that of the row before.",
        "rmsprop",
        (
            *_gradients(),
            *_weights("C{r}-F{r}*$D$2/SQRT(J{p})", "D{r}-G{r}*$D$2/SQRT(K{p})"),
            Column("mean (de/db)^2", "J{p}*$J$1+$K$1*F{r}^2", "Running mean of the square of de/db."),
            Column("mean (de/da)^2", "K{p}*$J$1+$K$1*G{r}^2", "Running mean of the square of de/da."),
        ),
        (State("grad", "JK", "ms_last"),),
        _BETA,
    ),
    OptimizerSheet(
        "adam",
        "Adam: momentum and RMSProp at once. The lesson's corrects nothing: its running means start from what a "
        "pass over the data comes to.",
        "adam",
        (*_gradients(), *_ADAM, *_MEANS, *_SQUARES),
        (_MOMENTUM, _SQUARED),
        {**_BETAS, "J1": ("beta", 0.7)},
    ),
    OptimizerSheet(
        "eve",
        "Eve: Adam whose learning rate is divided by how much the loss changes from epoch to epoch.",
        "adam",
        (
            *_gradients(),
            *_weights("C{r}-J{r}*$D$2/SQRT(L{r})/$P$8", "D{r}-K{r}*$D$2/SQRT(M{r})/$P$8"),
            *_MEANS,
            *_SQUARES,
        ),
        (_MOMENTUM, _SQUARED),
        {**_BETAS, "J1": ("beta", 0.7)},
        cells={
            "O4": "ft-1", "P4": "1", "O5": "ft-2", "P5": "0.5", "O6": "r_t", "P6": "=ABS(ft_1-ft_2)/MIN(ft_1,ft_2)",
            "O7": "dt-1", "P7": "1", "O8": "dt", "P8": "=dt_1*P9+(1-P9)*rtee", "O9": "beta 3", "P9": "0.9",
        },
        names={"ft_1": "P4", "ft_2": "P5", "rtee": "P6", "dt_1": "P7", "dtee": "P8"},
    ),
    OptimizerSheet(
        "adagrad_ann",
        "annealed Adagrad: after an epoch the learning rate is halved as long as the step to come is more than "
        "twice as long as the last.",
        "annealed",
        (*_gradients(), *_ADAGRAD),
        cells={
            **_ADAGRAD_CELLS,
            "H{s}": "=SUMPRODUCT(histgrad,F2:G2)",
            "I{s}": "length of the step",
            "J1": "100",
            "K1": "length of the last step",
        },
        names={"gradtarget": "F1:G1", "histgrad": "F{s}:G{s}", "step_size": "H{s}", "prev_step": "J1"},
    ),
    OptimizerSheet(
        "adam_ann",
        "annealed Adam: the learning rate is quartered where the gradients grow to more than twice their least.",
        "adam",
        (*_gradients(), *_ADAM, *_MEANS, *_SQUARES),
        (_MOMENTUM, _SQUARED),
        {**_BETAS, "L1": ("beta 2", 0.95)},
        cells={
            "O4": "gradients", "P4": "=SQRT(L{s})+SQRT(M{s})", "O5": "their least", "P5": "1",
            "O6": "ratio", "P6": "=avg_grad2/prev_grad2",
        },
        names={"avg_grad2": "P4", "prev_grad2": "P5", "gradrat": "P6"},
    ),
)  # fmt: skip

_STARTS: dict[str, float | str] = {"const": 1.0, "slope": 1.0, "lr": "rate"}

VARIANTS: tuple[OptimizerSheet, ...] = (
    OptimizerSheet(
        "nesterov",
        "Nesterov: the step looks ahead to where the running mean will carry the weights.",
        "gradient",
        (
            *_gradients(),
            *_weights("C{r}-$D$2*($K$1*F{r}+$J$1*J{r})", "D{r}-$D$2*($K$1*G{r}+$J$1*K{r})"),
            *_MEANS,
        ),
        (_MOMENTUM,),
        _BETA,
        {**_STARTS, "mom": 0.0},
    ),
    OptimizerSheet(
        "adam_corrected",
        "Adam, bias corrected: running means start at 0 and are corrected for it; epsilon keeps divisions finite.",
        "corrected",
        (*_gradients(), *_adam_like(), *_MEANS, *_SQUARES, _STEP),
        _COUNTED,
        _CORRECTED,
        {**_STARTS, "mom": 0.0, "grad": 0.0, "step": 0.0},
    ),
    OptimizerSheet(
        "amsgrad",
        "AMSGrad: Adam that divides by the largest mean square so far, and so never forgets a large gradient.",
        "corrected",
        (
            *_gradients(),
            *_adam_like(("O", "P")),
            *_MEANS,
            *_SQUARES,
            _STEP,
            Column("largest (b)", "MAX(O{p},L{r})", "The largest running mean of squares so far."),
            Column("largest (a)", "MAX(P{p},M{r})", "The largest running mean of squares so far."),
        ),
        (*_COUNTED, State("max", "OP")),
        {**{cell: setting for cell, setting in _CORRECTED.items() if cell != "P1"}, "R1": ("epsilon", 1e-8)},
        {**_STARTS, "mom": 0.0, "grad": 0.0, "step": 0.0, "max": 0.0},
    ),
    OptimizerSheet(
        "adam_l2",
        "Adam with L2: weight decay as a term of the gradient, which Adam then divides like the rest of it.",
        "corrected",
        (
            *_gradients(GRADIENT_B + "+$R$1*C{r}", "2*(D{r}*A{r}+C{r}-B{r})*A{r}+$R$1*D{r}"),
            *_adam_like(),
            *_MEANS,
            *_SQUARES,
            _STEP,
        ),
        _COUNTED,
        _DECAYED,
        {**_STARTS, "mom": 0.0, "grad": 0.0, "step": 0.0},
    ),
    OptimizerSheet(
        "adamw",
        "AdamW: weight decay decoupled from the gradient; each row shrinks the weights by rate times decay.",
        "corrected",
        (*_gradients(), *_adam_like(shrink="*(1-$D$2*$R$1)"), *_MEANS, *_SQUARES, _STEP),
        _COUNTED,
        _DECAYED,
        {**_STARTS, "mom": 0.0, "grad": 0.0, "step": 0.0},
    ),
    OptimizerSheet(
        "sgdr",
        "SGD, warm restarts: the rate falls along half a cosine and starts over, in cycles that grow.",
        "gradient",
        (
            *_gradients(),
            *_PLAIN,
            Column("place in cycle", "IF(J{p}+1>=K{p},0,J{p}+1)", "How many rows of this cycle are over."),
            Column("rows of cycle", "IF(J{p}+1>=K{p},K{p}*$L$1,K{p})", "Grows by the multiple with each cycle."),
            Column("rate", "$N$1+($D$2-$N$1)*(1+COS(PI()*J{r}/K{r}))/2", "From the full rate down to the lowest."),
        ),
        (State("step", "J"), State("cycle", "K")),
        {"L1": ("multiple", 2.0), "N1": ("lowest", 0.0)},
        {**_STARTS, "step": -1.0, "cycle": "rows"},
    ),
    OptimizerSheet(
        "one_cycle",
        "one cycle: the rate rises along half a cosine and falls along another, once in the whole training.",
        "gradient",
        (
            *_gradients(),
            *_PLAIN,
            Column("step", "J{p}+1", "How many rows are over."),
            Column("time", "MIN(1,J{r}/($N$1-1))", "From 0 to 1 over all rows of the training."),
            Column(
                "rate",
                "IF(K{r}<$P$1,$D$2+($D$2/$R$1-$D$2)*(1+COS(PI()*K{r}/$P$1))/2,"
                "$D$2/$T$1+($D$2-$D$2/$T$1)*(1+COS(PI()*(K{r}-$P$1)/(1-$P$1)))/2)",
                "Up to the full rate during the warm part, then down to next to nothing.",
            ),
        ),
        (State("step", "J"),),
        {
            "N1": ("rows in all", "training"),
            "P1": ("warm part", 0.3),
            "R1": ("start: rate /", 25.0),
            "T1": ("end: rate /", 100_000.0),
        },
        {**_STARTS, "step": -1.0},
    ),
)
