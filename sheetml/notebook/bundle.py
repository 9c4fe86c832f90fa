"""The page's modules as one, as a widget takes them: each becomes a function that gives what it exports.

Only what the modules of this project use is understood: `import { a, b as c } from "./name.js";` and `export` before
a const, a class or a function.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:const|class|function) (\w+))", re.MULTILINE)
LEFT = re.compile(r"^\s*(?:import|export)\b", re.MULTILINE)
FOLDERS = ("sheetml.notebook", "sheetml.serve")  # where modules are looked for, in this order


def source(name: str) -> str:
    """The text of a file of the page or the widget."""
    for package in FOLDERS:
        file = files(package) / "static" / name
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise FileNotFoundError(f"the page has no file {name}")


def widget_module() -> str:
    """The widget and all that it imports, as one module that exports `render`."""
    modules: dict[str, str] = {}
    _add("widget", modules)
    return joined(modules, "export default { render: $widget.render };")


def joined(modules: Mapping[str, str], last: str) -> str:
    """Modules, each after those that it imports, as one text that ends with a line."""
    return "\n".join([*(_as_function(name, text) for name, text in modules.items()), last, ""])


def _add(name: str, modules: dict[str, str]) -> None:
    text = source(f"{name}.js")
    for _, other in IMPORT.findall(text):
        if other not in modules:
            _add(other, modules)
    modules[name] = text


def _as_function(name: str, text: str) -> str:
    exported = EXPORT.findall(text)
    text = IMPORT.sub(lambda match: f"const {{{match[1].replace(' as ', ': ')}}} = ${match[2]};", text)
    text = EXPORT.sub("", text)
    left = LEFT.search(text)
    if left is not None:
        line = text[left.start() :].strip().partition("\n")[0]
        raise ValueError(f"{name}.js imports or exports in a way that is not understood: {line}")
    return f"const ${name} = (() => {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();"


def widget_style() -> str:
    """The page's style, for what stands within a widget and nothing else of the notebook; then the widget's own."""
    page = source("page.css").replace(":root", "&")
    return f".sheetml {{\n{page}\n}}\n{source('widget.css')}"
