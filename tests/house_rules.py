"""The house rules that neither ruff, mypy nor import-linter can say, as pure functions: source in, complaints out.

Each returns the complaints as sentences with a line number, an empty list when all is well. tests/test_architecture.py
runs them over the tree, and over a good and a bad sample each, so that a rule that stopped biting is noticed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 400
MAX_TEST_FILE_LINES = 600

NAMELESS_FILES = frozenset({"utils", "helpers", "misc", "common", "lib", "services", "manager"})
"""File names that say nothing about what is inside; anything fits into them, and so anything lands there."""

TOP_LEVEL = frozenset(
    """helpdesk routing_rules mail_gateway templates static tests docs benchmarks .ci
    manage.py pyproject.toml requirements.txt requirements-dev.txt requirements.lock Makefile
    README.md CONTRIBUTING.md CHANGELOG.md LICENSE .gitignore .gitattributes .editorconfig .pre-commit-config.yaml
    .python-version package.json package-lock.json tsconfig.json""".split()
)

ROOMS_WITHOUT_WRITES = ("console", "portal", "widget", "api")
"""People's screens: they read through queries and write through actions."""

WRITING_METHODS = frozenset(
    """save asave create acreate update aupdate delete adelete bulk_create abulk_create bulk_update abulk_update
    get_or_create aget_or_create update_or_create aupdate_or_create""".split()
)

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")

TEMPLATE_HOLES = {
    re.compile(r"\|\s*safe\b"): "turns autoescape off for a value",
    re.compile(r"\{%-?\s*autoescape\s+false"): "turns autoescape off for a block",
    re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE): "has an inline event handler, which the policy blocks",
    re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE): "has an inline style, which the policy blocks",
    re.compile(r"""(?:href|src|action)\s*=\s*["']?\s*javascript:""", re.IGNORECASE): "has a javascript: address",
    re.compile(r"<script(?![^>]*\bnonce=)", re.IGNORECASE): "has a script without the nonce of the response",
    re.compile(r"""(?:src|href)\s*=\s*["']https?://(?!\{)""", re.IGNORECASE): "loads or links a fixed foreign address",
}


def writes(source: str) -> list[str]:
    """Calls that write to the database, by the name of the method: in a screen's room there is no other meaning."""
    return [
        f"line {node.lineno}: .{node.func.attr}( writes; call an action instead"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITING_METHODS
    ]


def long_functions(source: str) -> list[str]:
    return [
        f"line {node.lineno}: {node.name} has {lines} lines, {MAX_FUNCTION_LINES} are the limit"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]


def long_file(source: str, *, limit: int = MAX_FILE_LINES) -> list[str]:
    lines = source.count("\n")
    return [f"{lines} lines, {limit} are the limit: what is the second thing that it does?"] if lines > limit else []


def long_test_file(source: str) -> list[str]:
    """Tests are lists of cases: they read well a little longer."""
    return long_file(source, limit=MAX_TEST_FILE_LINES)


def swallowed_errors(source: str) -> list[str]:
    """`except Exception: pass` and its kin: an error that nobody will ever hear of."""
    return [
        f"line {node.lineno}: an error of any kind is swallowed"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
    ]


def unfinished(source: str) -> list[str]:
    return [
        f"line {number}: unfinished: {line.strip()[:80]}"
        for number, line in enumerate(source.splitlines(), 1)
        if UNFINISHED.search(line)
    ]


def nameless(paths: Iterable[str]) -> list[str]:
    return [f"{path}: the name says nothing" for path in paths if PurePosixPath(path).stem in NAMELESS_FILES]


def strays(paths: Iterable[str]) -> list[str]:
    """Names at the top of the tree that the house has no room for."""
    return sorted(
        {f"{top} is not one of the agreed names" for path in paths if (top := path.split("/")[0]) not in TOP_LEVEL}
    )


def template_holes(source: str) -> list[str]:
    """What would open a hole in a page, or be blocked by its Content-Security-Policy. Comments may name anything."""
    seen = re.sub(r"\{#.*?#\}", lambda comment: "\n" * comment[0].count("\n"), source, flags=re.DOTALL)
    return sorted(
        f"line {seen.count(chr(10), 0, match.start()) + 1}: {complaint}: {match[0][:60]!r}"
        for pattern, complaint in TEMPLATE_HOLES.items()
        for match in pattern.finditer(seen)
    )


def settings_read(source: str) -> set[str]:
    """Names of the environment variables that a settings module reads: `os.environ["A"]`, `os.environ.get("A")`,
    `os.getenv("A")`, `"A" in os.environ`, and `_flag("A")` for a function of the module that itself reads it."""
    tree = ast.parse(source)
    readers = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and re.search(r"\benviron\b|\bgetenv\b", ast.unparse(node))
    }
    keys = _environment_keys(tree, readers)
    return {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def _environment_keys(tree: ast.Module, readers: set[str]) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[key, *_]) if name in readers:
                yield key
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="environ")), args=[key, *_]):
                yield key
            case ast.Call(func=ast.Attribute(attr="getenv"), args=[key, *_]):
                yield key
            case ast.Subscript(value=ast.Attribute(attr="environ"), slice=key):
                yield key
            case ast.Compare(left=key, comparators=[ast.Attribute(attr="environ")]):
                yield key


def table_names(markdown: str) -> set[str]:
    """Environment variables in a settings table: rows whose first cell holds one or more names in code marks."""
    rows = re.findall(r"^\|([^|]*)\|", markdown, flags=re.MULTILINE)
    return {name for cell in rows for name in re.findall(r"`([A-Z][A-Z0-9_]{2,})`", cell)}
