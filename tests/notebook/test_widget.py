"""`sheetml.show`: what is typed into the widget is in the cells, and what Python changes is seen in the widget."""

from __future__ import annotations

import gc
import os
import sys
import weakref
from contextlib import contextmanager

import pytest

import sheetml
from sheetml.notebook.bundle import joined, widget_module, widget_style
from tests.browser import missing, opened, picture
from tests.reference import PROJECT
from tests.workbooks import made

WAIT = 20_000  # milliseconds, for a machine that has much else to do
# The notebook's end of a widget: what the view sends goes to Python, what Python sends is dispatched.
FRONTEND = """async ([module, style, height]) => {
  const sheet = document.createElement("style");
  sheet.textContent = style;
  document.head.append(sheet);
  const listeners = new Set();
  window.deliver = (messages) => messages.forEach((message) => listeners.forEach((listener) => listener(message)));
  const model = {
    get: () => height,
    on: (name, listener) => { if (name === "msg:custom") listeners.add(listener); },
    off: (name, listener) => listeners.delete(listener),
    send: async (content) => window.deliver(await window.toPython(content)),
  };
  const address = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  const widget = (await import(address)).default;
  window.gone = widget.render({ model, el: document.getElementById("output") });
}"""


@pytest.fixture
def sent(monkeypatch):
    """What widgets send to their views."""
    try:
        from sheetml.notebook.widget import WorkbookWidget
    except ImportError:
        missing("the package anywidget is absent: pip install sheetml[notebook]")
    messages: list[dict] = []
    monkeypatch.setattr(WorkbookWidget, "send", lambda self, content, buffers=None: messages.append(content))
    return messages


def taken(sent):
    """The messages since they were last taken."""
    messages = list(sent)
    sent.clear()
    return messages


def asks(widget, sent, what, view="one", **more):
    """The answer to a view's question, and what else was sent."""
    widget._received(widget, {"view": view, "id": 7, "ask": what, **more}, [])
    messages = taken(sent)
    (found,) = [each for each in messages if each["type"] == "answer"]
    return found, [each for each in messages if each["type"] != "answer"]


def texts(messages, view="one"):
    """What cells show, by row and column, after these messages to a view."""
    cells = [cell for each in messages if each["type"] == "cells" and each["view"] == view for cell in each["cells"]]
    return {(row, column): text for row, column, text, *_ in cells}


# ---- the messages ------------------------------------------------------------------------------


def test_what_is_typed_is_in_the_cells_and_what_depends_on_it_is_sent(sent):
    workbook = made({"A1": 2, "B1": "=A1*10"})
    widget = sheetml.show(workbook)
    widget._received(widget, {"view": "one", "look": 0, "areas": [[1, 1, 9, 9]]}, [])
    assert texts(taken(sent)) == {(1, 1): "2", (1, 2): "20"}
    found, others = asks(widget, sent, "edit", sheet=0, cells=[[1, 1, "5"], [2, 1, "=B1+1"]])
    assert found["ok"] and found["id"] == 7
    assert texts(others) == {(1, 1): "5", (1, 2): "50", (2, 1): "51"}
    assert (workbook["Sheet1"]["B1"], workbook["Sheet1"].formula("A2")) == (50, "B1+1")
    asks(widget, sent, "undo")
    assert workbook["Sheet1"]["A1":"B2"].tolist() == [[2, 20], [None, None]]


def test_what_python_changes_is_sent_once_it_is_calculated_or_shown_anew(sent):
    workbook = made({"A1": 2, "B1": "=A1*10"})
    widget = sheetml.show(workbook)
    for view in ("one", "two"):
        widget._received(widget, {"view": view, "look": 0, "areas": [[1, 1, 9, 9]]}, [])
    taken(sent)
    workbook["Sheet1"]["A1"] = 3
    assert not taken(sent)
    workbook.calculate()
    messages = taken(sent)
    assert texts(messages, "one") == texts(messages, "two") == {(1, 1): "3", (1, 2): "30"}
    workbook["Sheet1"]["C1"] = "set, not calculated"
    widget.refresh()
    assert texts(taken(sent)) == {(1, 3): "set, not calculated"}
    widget._received(widget, {"view": "two", "gone": True}, [])
    workbook["Sheet1"]["A1"] = 4
    workbook.calculate()
    assert not texts(taken(sent), "two")


def test_two_widgets_of_one_workbook_are_in_step_and_one_that_is_gone_is_forgotten(sent):
    workbook = made({"A1": 2})
    one, two = sheetml.show(workbook), sheetml.show(workbook)
    two._received(two, {"view": "other", "look": 0, "areas": [[1, 1, 9, 9]]}, [])
    taken(sent)
    _, others = asks(one, sent, "edit", sheet=0, cells=[[1, 1, "9"]])
    assert texts(others, "other") == {(1, 1): "9"}
    two.close()
    gone = weakref.ref(two)
    del two, others
    gc.collect()
    workbook.calculate()
    assert gone() is None


def test_a_sheet_that_python_creates_appears(sent):
    workbook = made({"A1": 2})
    widget = sheetml.show(workbook, "Sheet1", height=300)
    widget._received(widget, {"view": "one", "look": 0, "areas": [[1, 1, 9, 9]]}, [])
    taken(sent)
    workbook.create_sheet("more")["A1"] = "=Sheet1!A1"
    workbook.calculate()
    assert {"type": "begin", "view": "one"} in taken(sent)
    found, _ = asks(widget, sent, "book")
    assert [sheet["name"] for sheet in found["sheets"]] == ["Sheet1", "more"]
    widget._received(widget, {"view": "one", "look": 1, "areas": [[1, 1, 9, 9]]}, [])
    assert texts(taken(sent)) == {(1, 1): "2"}


@pytest.mark.parametrize(
    "message", [None, [], {}, {"view": "one"}, {"view": "one", "look": "x", "areas": 3}, {"view": "one", "ask": "rm"}]
)
def test_a_message_that_makes_no_sense_changes_nothing(sent, message):
    workbook = made({"A1": 2})
    widget = sheetml.show(workbook)
    widget._received(widget, message, [])
    assert workbook["Sheet1"]["A1"] == 2
    assert all(each.get("ok") is False for each in taken(sent) if each["type"] == "answer")


def test_a_cell_that_cannot_be_set_is_answered_in_a_sentence(sent):
    found, _ = asks(sheetml.show(made({"A1": 2})), sent, "edit", sheet=0, cells=[[1, 1, "=1+"]])
    assert not found["ok"] and found["error"].startswith("A1: cannot read the formula")


def test_a_sheet_that_is_not_there_is_refused(sent):
    with pytest.raises(KeyError, match="did you mean 'Sheet1'"):
        sheetml.show(made({"A1": 2}), "Shet1")


def test_without_anywidget_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(sheetml.SheetmlError, match=r"pip install 'sheetml\[notebook\]'"):
        sheetml.show(made({"A1": 1}))


# ---- in a kernel -------------------------------------------------------------------------------

CELLS = """
import sheetml, tests.workbooks
wb = tests.workbooks.made({"A1": 2, "B1": "=A1*10"})
widget = sheetml.show(wb)
widget
---
sent = []
widget.send = lambda content, buffers=None: sent.append(content)
widget._received(widget, {"view": "one", "look": 0, "areas": [[1, 1, 9, 9]]}, [])
sent.clear()
wb["Sheet1"]["A1"] = 3
print(len(sent))
---
print([cell[:3] for message in sent if message["type"] == "cells" for cell in message["cells"]])
"""


def test_in_a_kernel_it_is_shown_as_a_widget_and_a_cells_end_shows_what_it_set(monkeypatch):
    try:
        import nbformat
        from nbclient import NotebookClient
    except ImportError:
        missing("the packages nbclient and ipykernel are absent: pip install sheetml[docs]")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")]))
    cells = [nbformat.v4.new_code_cell(code.strip()) for code in CELLS.split("---")]
    done = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=300).execute()
    outputs = [cell.outputs[-1] for cell in done.cells]
    assert "application/vnd.jupyter.widget-view+json" in outputs[0].data
    assert [output.text for output in outputs[1:]] == ["0\n", "[[1, 1, '3']]\n"]


# ---- the module --------------------------------------------------------------------------------


def test_modules_are_joined_each_after_what_it_imports():
    module = widget_module()
    assert module.index("const $dom =") < module.index("const $grid =") < module.index("const $widget =")
    assert module.endswith("export default { render: $widget.render };\n") and module.count("\nexport") == 1
    with pytest.raises(ValueError, match=r"a\.js imports or exports in a way that is not understood: import x"):
        joined({"a": 'import x from "y";\n'}, "")


# ---- in a browser ------------------------------------------------------------------------------


@contextmanager
def notebook(widget, sent, tmp_path, **options):
    """A page with the widget in it, linked to Python."""
    path = tmp_path / "notebook.html"
    path.write_text('<!doctype html><meta charset="utf-8"><body style="margin:12px"><div id="output"></div>')
    with opened(path, **options) as page:
        page.set_default_timeout(WAIT)

        def received(content):
            widget._received(widget, content, [])
            return taken(sent)

        page.expose_function("toPython", received)
        page.evaluate(FRONTEND, [widget_module(), widget_style(), widget.height])
        page.wait_for_selector(".cell")
        yield page


def shown(page, cell, text):
    """Waits until a cell shows a text."""
    row, column = cell
    page.wait_for_function(
        "([id, text]) => document.getElementById(id)?.textContent === text", arg=[f"cell-{row}-{column}", text]
    )


def test_in_a_browser_edits_go_both_ways(sent, tmp_path):
    workbook = made({"A1": 2, "B1": "=A1*10"})
    widget = sheetml.show(workbook)
    with notebook(widget, sent, tmp_path, width=700, height=500) as page:
        shown(page, (1, 2), "20")
        page.click("#cell-1-1")
        page.keyboard.type("7")
        page.keyboard.press("Enter")
        shown(page, (1, 2), "70")
        assert workbook["Sheet1"]["B1"] == 70
        page.keyboard.type("=A1+B1")
        page.keyboard.press("Enter")
        shown(page, (2, 1), "77")
        assert workbook["Sheet1"].formula("A2") == "A1+B1"
        workbook["Sheet1"]["A1"] = 100
        workbook.calculate()
        page.evaluate("(messages) => window.deliver(messages)", taken(sent))
        shown(page, (2, 1), "1100")
        page.keyboard.press("Control+z")
        shown(page, (2, 1), "")
        page.keyboard.type("=1+")
        page.keyboard.press("Enter")
        page.wait_for_selector(".words.problem")
        assert "cannot read the formula" in page.inner_text(".words")
        page.evaluate("window.gone()")
        page.wait_for_timeout(50)
        assert not widget._links


def test_in_a_browser_the_lessons_sheet_is_seen_and_its_tabs_lead_on(sent, tmp_path):
    widget = sheetml.show(sheetml.open(PROJECT / "workbooks" / "collab_filter.xlsx"), "dotprod", height=560)
    for dark in (False, True):
        with notebook(widget, sent, tmp_path, width=1200, height=600, dark=dark) as page:
            shown(page, (2, 8), "2")
            page.fill(".place", "V41")
            page.press(".place", "Enter")
            page.wait_for_function("document.querySelector('.content').value.startsWith('=SQRT(')")
            assert "root" in page.inner_text(".words")
            picture(page, f"notebook-{'dark' if dark else 'light'}.png", tmp_path)
            page.click("[role=tab]:has-text('bias')")
            page.wait_for_selector("[role=tab][aria-selected=true]:has-text('bias')")
            page.wait_for_selector(".cell")
