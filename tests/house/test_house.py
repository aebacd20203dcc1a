"""The house rules that a program can check. An exception needs a sentence in the list here."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = {"cellctl": ROOT / "cellctl", "cellctl_drivers": ROOT / "drivers", "cellctl_sim": ROOT / "sim_devices"}
SOURCES = sorted(path for root in ROOTS.values() for path in root.rglob("*.py"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

LONGEST_FILE = 400
LONGEST_FUNCTION = 40
DEEPEST_NESTING = 3
MOST_ATTRIBUTES = 8

LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
MANY_ATTRIBUTES: dict[str, str] = {
    "cellctl/gcode/estimate.py:Estimate": "the planner's state, read and written for every line of a program",
    "cellctl/gcode/extruder.py:Extruder": "the modal state of one extruder, as the firmware keeps it",
}

# Words that would promise what software like this cannot give. The standard's own node names are quoted as such.
FORBIDDEN_WORDS = re.compile(r"emergency[ _-]?stop|\bsafe(?:ty|ly)?\b", re.IGNORECASE)


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    start = first.end_lineno if doc and len(node.body) > 1 else node.lineno
    return (node.end_lineno or 0) - (start or 0)


def nesting(node: ast.AST, depth: int = 0) -> int:
    blocks = ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.Match
    deepest = depth
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            # There are no blocks in an expression.
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
                continue
            if isinstance(child, ast.AST):
                # An elif stands beside its if, not below it.
                is_elif = isinstance(node, ast.If) and field == "orelse" and isinstance(child, ast.If)
                step = 1 if isinstance(child, blocks) and not is_elif else 0
                deepest = max(deepest, nesting(child, depth + step))
    return deepest


def attributes(node: ast.ClassDef) -> set[str]:
    return {
        target.attr
        for item in ast.walk(node)
        if isinstance(item, ast.Assign | ast.AnnAssign | ast.AugAssign)
        for target in (item.targets if isinstance(item, ast.Assign) else [item.target])
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self"
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_functions_and_classes_fit_in_the_head(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    lines = len(path.read_text().splitlines())
    found = []
    if lines > LONGEST_FILE and name not in LONG_FILES:
        found.append(f"{lines} lines")
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            where = f"{name}:{node.name}"
            if code_lines(node) > LONGEST_FUNCTION and where not in LONG_FUNCTIONS:
                found.append(f"{node.name} has {code_lines(node)} lines")
            if nesting(node) > DEEPEST_NESTING:
                found.append(f"{node.name} is nested {nesting(node)} deep")
        if isinstance(node, ast.ClassDef) and f"{name}:{node.name}" not in MANY_ATTRIBUTES:
            count = len(attributes(node))
            if count > MOST_ATTRIBUTES:
                found.append(f"{node.name} has {count} attributes")
    assert not found, f"{name}: {'; '.join(found)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_assert_and_no_broad_except_in_the_packages(path: Path) -> None:
    for node in nodes(path):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: assert vanishes under -O; raise an error"
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "BaseException")
            caught = isinstance(node.type, ast.Name) and node.type.id == "Exception"
            where = str(path.relative_to(ROOT))
            assert not broad, f"line {node.lineno}: except must say what it catches"
            assert not caught or where == "cellctl/app/supervisor.py", f"line {node.lineno}: only the supervisor may"


@pytest.mark.parametrize("path", [*DOCUMENTS, *SOURCES], ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_of_ours_is_called_by_a_word_that_promises_protection(path: Path) -> None:
    if path.name == "LIMITS.md":
        return  # which says what these words mean, and that we are not it
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        # Node names of OPC 40010-1 are the standard's own (SafetyStates, EmergencyStop).
        text = re.sub(r"SafetyStates?|EmergencyStop\w*|LIMITS\.md.*", "", line)
        assert not FORBIDDEN_WORDS.search(text), f"{path.name}:{number}: {line.strip()}"


def test_no_pattern_is_possessive() -> None:
    # Python 3.11.2, which Debian 12 has, leaves the place wrong where a repetition of possessive parts ends.
    possessive = re.compile(r"[\w\])}.][*+?]\+|[0-9,]\}\+|\(\?>")
    assert possessive.search(r"(?:G0?1 ?)?+") and possessive.search(r"\d++") and possessive.search(r"[0-9]{2}+")
    assert [str(path.relative_to(ROOT)) for path in SOURCES if possessive.search(path.read_text())] == []


def test_importing_any_module_starts_nothing() -> None:
    names = [
        module.name
        for package, root in ROOTS.items()
        for module in pkgutil.walk_packages([str(root if root.name == package else root / package)], f"{package}.")
        if not module.name.endswith("__main__")
    ]
    script = (
        "import importlib, sys, threading, asyncio\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "print(len(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().isdigit(), f"a module printed something: {done.stdout}"


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_driver_entry_points_load() -> None:
    for name in ("marlin", "grbl", "opcua", "manual"):
        family = importlib.import_module(f"cellctl_drivers.{name}.driver").FAMILY
        assert family.options


def test_the_diagrams_are_drawn_from_the_tables_as_they_are_now() -> None:
    done = subprocess.run([sys.executable, "docs/make_diagrams.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "run: python docs/make_diagrams.py"


def test_the_lock_file_holds_hashes_and_no_addresses() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in text
    assert not re.search(r"https?://(?!github\.com/jazzband)|file://|--index-url|--find-links", text)


def test_the_readme_names_the_two_commands() -> None:
    assert "\n```\nmake demo\nmake test\n```\n" in (ROOT / "README.md").read_text()
