"""Small errors for a program to be given: one sign, exponent, comparison or constant changed at a time.

`mutants_of` lists them for a file, `sample` draws some of them.  A mutant replaces a few bytes of the text and
leaves every other one as it is, so that lines keep their numbers.
"""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeGuard

SWAPPED: dict[type[ast.AST], tuple[str, str, str]] = {
    ast.Add: ("sign", "+", "-"),
    ast.Sub: ("sign", "-", "+"),
    ast.USub: ("sign", "-", "+"),
    # A factor turned into a divisor has the opposite exponent.
    ast.Mult: ("exponent", "*", "/"),
    ast.Div: ("exponent", "/", "*"),
    ast.Lt: ("comparison", "<", ">="),
    ast.LtE: ("comparison", "<=", ">"),
    ast.Gt: ("comparison", ">", "<="),
    ast.GtE: ("comparison", ">=", "<"),
    ast.Eq: ("comparison", "==", "!="),
    ast.NotEq: ("comparison", "!=", "=="),
}


@dataclass(frozen=True, order=True)
class Mutant:
    """One change: the bytes `start` to `stop` of the file become `after`.

    `first` to `last` are the lines of the statement that it is part of: coverage may count any of them.
    """

    file: str
    line: int
    start: int
    stop: int
    kind: str
    before: str
    after: str
    first: int
    last: int

    def applied_to(self, source: bytes) -> bytes:
        return source[: self.start] + self.after.encode() + source[self.stop :]


def mutants_of(file: str, source: bytes) -> list[Mutant]:
    """Every mutant of one file, in the order of its text.

    Docstrings and other strings, annotations, decorators, `raise` and `assert` statements and the dates of
    papers are left alone: they decide nothing, or say what is wrong when something is.
    """
    starts = [0]
    for text in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(text))
    found: list[Mutant] = []

    def offsets(node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    def add(kind: str, start: int, stop: int, after: str, lines: tuple[int, int]) -> None:
        line = source.count(b"\n", 0, start) + 1
        found.append(Mutant(file, line, start, stop, kind, source[start:stop].decode(), after, *lines))

    def swap(operator: ast.AST, start: int, stop: int, lines: tuple[int, int]) -> None:
        """Swap the operator between two offsets, where there is only space, brackets and comments besides."""
        kind, before, after = SWAPPED[type(operator)]
        between = re.sub(rb"#[^\n]*", lambda comment: b" " * len(comment[0]), source[start:stop])
        at = start + between.index(before.encode())
        add(kind, at, at + len(before), after, lines)

    def visit(node: ast.AST, lines: tuple[int, int], exponent: bool = False) -> None:
        if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr) or _is_paper(node):
            return
        if isinstance(node, ast.stmt):
            lines = _lines(node)
        if isinstance(node, ast.BinOp) and type(node.op) in SWAPPED and not _is_text(node.left, node.right):
            swap(node.op, offsets(node.left)[1], offsets(node.right)[0], lines)
        elif isinstance(node, ast.UnaryOp) and type(node.op) in SWAPPED:
            swap(node.op, offsets(node)[0], offsets(node.operand)[0], lines)
        elif isinstance(node, ast.AugAssign) and type(node.op) in SWAPPED and not _is_text(node.value):
            swap(node.op, offsets(node.target)[1], offsets(node.value)[0], lines)
        elif isinstance(node, ast.Compare):
            terms = [node.left, *node.comparators]
            for operator, (left, right) in zip(node.ops, pairwise(terms), strict=True):
                if type(operator) in SWAPPED:
                    swap(operator, offsets(left)[1], offsets(right)[0], lines)
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
            add("exponent" if exponent else "constant", *offsets(node), _other(node.value), lines)
        elif _is_power(node) and not isinstance(node.right, ast.Constant | ast.UnaryOp):
            start, stop = offsets(node.right)
            add("exponent", start, stop, f"({source[start:stop].decode()} + 1)", lines)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_params"):
                continue
            is_exponent = _is_power(node) and name == "right"
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    visit(child, lines, is_exponent)

    visit(ast.parse(source), (1, 1))
    return sorted(found)


def _lines(statement: ast.stmt) -> tuple[int, int]:
    """The lines of a statement, without those of the statements inside it."""
    inside = [s.lineno for s in ast.walk(statement) if isinstance(s, ast.stmt) and s is not statement]
    end = statement.end_lineno or statement.lineno
    return statement.lineno, min([end, *(line - 1 for line in inside if line > statement.lineno)])


def _is_text(*nodes: ast.AST) -> bool:
    """Whether an operand is text, a list or a tuple, or made of such: these are joined, not added."""
    return any(
        isinstance(n, ast.List | ast.Tuple | ast.JoinedStr)
        or (isinstance(n, ast.Constant) and isinstance(n.value, str | bytes))
        or (isinstance(n, ast.BinOp) and _is_text(n.left, n.right))
        for n in nodes
    )


def _is_power(node: ast.AST) -> TypeGuard[ast.BinOp]:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)


def _is_paper(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Paper"


def _other(value: bool | int | float) -> str:
    """Another constant: the opposite, the next whole number, or the double."""
    if isinstance(value, bool):
        return str(not value)
    return repr(value + 1 if value == int(value) and abs(value) < 1e6 else value * 2)


def sample(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """`count` of the mutants, spread evenly over files and over the lines of each.

    They are cut, in the order of the text, into `count` runs of equal length, and one is drawn from each.
    """
    if count >= len(mutants):
        return sorted(mutants)
    ordered, random_ = sorted(mutants), random.Random(seed)
    bounds = [len(ordered) * k // count for k in range(count + 1)]
    return [ordered[random_.randrange(a, b)] for a, b in pairwise(bounds)]
