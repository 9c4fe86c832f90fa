"""What if: an open workbook's cells for other inputs, thousands of them at once.

`table` tries values in one or two cells, `Simulation` draws them from distributions, `sensitivity` and `tornado`
say which inputs matter. The workbook itself keeps its values.
"""

from sheetml.whatif.distributions import Distribution, distribution
from sheetml.whatif.influence import Sensitivity, Swing, sensitivity, tornado
from sheetml.whatif.simulation import Simulation
from sheetml.whatif.statistics import Summary, summarised
from sheetml.whatif.tables import Table, table
from sheetml.whatif.variation import Uncertain, Varied

__all__ = [
    "Distribution",
    "Sensitivity",
    "Simulation",
    "Summary",
    "Swing",
    "Table",
    "Uncertain",
    "Varied",
    "distribution",
    "sensitivity",
    "summarised",
    "table",
    "tornado",
]
