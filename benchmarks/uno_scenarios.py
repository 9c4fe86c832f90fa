"""Scenarios of a workbook in LibreOffice, over UNO: inputs set, the output read, again and again.

    python3 benchmarks/uno_scenarios.py book.xlsx Sheet A1:B2 C3 points.csv

It runs on the Python that LibreOffice brings or that has python3-uno; `benchmarks.whatif` starts it where it is there.
Prints a JSON document: CPU seconds of LibreOffice itself, and the output at each point.
"""

import json
import os
import subprocess
import sys
import time


def office(pipe):
    """LibreOffice without a window, listening on a pipe; its profile is a folder of its own."""
    command = ["soffice", "--headless", "--norestore", "--nologo", f"--accept=pipe,name={pipe};urp;",
               f"-env:UserInstallation=file:///tmp/{pipe}"]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def desktop(pipe):
    import uno

    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    for _ in range(600):
        try:
            context = resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
            return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        except Exception:
            time.sleep(0.1)
    raise SystemExit("LibreOffice does not answer")


def cpu_seconds():
    """Of all processes of LibreOffice."""
    ticks = 0
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/stat") as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name.startswith("soffice"):
            ticks += sum(map(int, rest.split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def main(path, sheet_name, area, output, points_path):
    pipe = f"sheetml{os.getpid()}"
    running = office(pipe)
    with open(points_path) as file:
        points = [[float(number) for number in line.split(",")] for line in file]
    try:
        book = desktop(pipe).loadComponentFromURL(f"file://{os.path.abspath(path)}", "_blank", 0, ())
        sheet = book.Sheets.getByName(sheet_name)
        inputs, cell = sheet.getCellRangeByName(area), sheet.getCellRangeByName(output)
        rows, columns = inputs.Rows.Count, inputs.Columns.Count
        began, found = cpu_seconds(), []
        for point in points:
            inputs.setDataArray(tuple(tuple(point[row * columns : (row + 1) * columns]) for row in range(rows)))
            found.append(cell.Value)
        print(json.dumps({"cpu": cpu_seconds() - began, "values": found}))
        book.close(True)
    finally:
        running.terminate()


if __name__ == "__main__":
    main(*sys.argv[1:])
