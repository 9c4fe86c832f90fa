"""A page about a fit: one HTML file with its pictures inside, which needs no network."""

from __future__ import annotations

import base64
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from sheetml.report.ratings_plots import png
from sheetml.xlsx.writer import new_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sheetml.learn import FactorModel, Ratings

HEADINGS = {
    "loss": "Loss by epoch",
    "biases": "Items by their bias: what users like whatever their taste",
    "components": "Embeddings of the items with most ratings, on their principal components",
}

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ name }} fitted to {{ ratings }} ratings</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 0 0 1rem; }
th, td { padding: .15rem .8rem .15rem 0; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child, td.text { text-align: left; }
thead th { border-bottom: 1px solid; }
img { max-width: 100%; background: white; border-radius: 4px; }
.columns { display: flex; flex-wrap: wrap; gap: 0 3rem; }
footer { opacity: .7; font-size: .85em; }
</style>
</head>
<body>
<h1>{{ name }}</h1>
<p>Fitted to {{ ratings }} ratings of {{ items }} items by {{ users }} users.</p>
{% if measured %}<h2>On the validation ratings</h2>
<table><tbody>
{% for metric, value in measured.items() %}<tr><td>{{ metric }}</td><td>{{ "%.5f"|format(value) }}</td></tr>
{% endfor %}</tbody></table>{% endif %}
{% for plot in plots %}<h2>{{ plot.heading }}</h2>
<img alt="{{ plot.heading }}" src="data:image/png;base64,{{ plot.data }}">
{% endfor %}
{% if highest %}<h2>Biases</h2>
<div class="columns">{% for side in (highest, lowest) %}<table>
<thead><tr><th>{{ "highest" if loop.first else "lowest" }}</th><th>bias</th></tr></thead><tbody>
{% for item in side %}<tr><td>{{ item.title }}</td><td>{{ "%.4f"|format(item.value) }}</td></tr>
{% endfor %}</tbody></table>{% endfor %}</div>{% endif %}
{% if history %}<h2>Epochs</h2>
<table><thead><tr><th>epoch</th><th>training</th><th>validation</th><th>learning rate</th><th>seconds</th></tr></thead>
<tbody>{% for each in history %}<tr><td>{{ each.epoch }}</td><td>{{ "%.5f"|format(each.train_loss) }}</td>
<td>{{ "" if each.valid_loss is none else "%.5f"|format(each.valid_loss) }}</td>
<td>{{ "" if each.learning_rate is none else "%.3g"|format(each.learning_rate) }}</td>
<td>{{ "%.3f"|format(each.seconds) }}</td></tr>
{% endfor %}</tbody></table>{% endif %}
<h2>Settings</h2>
<table><tbody>{% for setting, value in settings.items() %}
<tr><td>{{ setting }}</td><td class="text">{{ value }}</td></tr>
{% endfor %}</tbody></table>
<footer>{{ versions }} · {{ time }}</footer>
</body>
</html>
"""


def write_fit_page(
    path: Path, model: FactorModel, ratings: Ratings, measured: Mapping[str, float], plots: Mapping[str, Figure]
) -> None:
    """Writes the page: what the fit came to, its pictures, and the settings and versions to repeat it with."""
    from jinja2 import Environment

    template = Environment(autoescape=True, trim_blocks=True).from_string(PAGE)
    ranked = model.ranked_biases(least=20) if model.item_biases_ is not None else []
    page = template.render(
        name=type(model).__name__,
        ratings=f"{len(ratings):,}",
        items=f"{ratings.item_count:,}",
        users=f"{ratings.user_count:,}",
        measured=measured,
        plots=[
            {"heading": HEADINGS[name], "data": base64.b64encode(png(figure)).decode()}
            for name, figure in plots.items()
        ],
        highest=ranked[:10],
        lowest=ranked[:-11:-1],
        history=model.history_,
        settings=model.get_params(deep=False),
        versions=versions(),
        time=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    with new_file(path) as stream:
        stream.write(page.encode("utf-8"))


def versions() -> str:
    """The versions that a result depends on."""
    found = [f"Python {platform.python_version()}"]
    for package in ("sheetml", "numpy", "numba"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
