"""Evidence: the five ways in which a check can decide, each with its own rank.

Evidence has three values, `holds`, `violated` and `undecided`, and its rank is its type, never a word that
somebody writes: `exact`, `enclosed`, `certified`, `measured` and `sampled` (strongest first) are the only
ways to make one.  `every` joins several; `require` names a hypothesis.  Nothing here raises because a claim
is false: a check reports, the referee judges.

The plain idea behind the two exact kinds is sign arithmetic: both sides are compared through the signs that
their difference can take.  A relation holds if every possible sign is allowed, and is violated if none is.

Of the project this imports only `theory.signs` and `theory.hypotheses`, which import nothing; sympy,
python-flint, NumPy and SciPy are imported where they are used.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar

from theory import signs
from theory.hypotheses import HypothesisMissing, hypotheses, require
from theory.signs import SENSES

__all__ = [
    "HOLDS",
    "RANKS",
    "RANK_NAMES",
    "UNDECIDED",
    "VIOLATED",
    "Evidence",
    "HypothesisMissing",
    "certified",
    "enclosed",
    "every",
    "exact",
    "hypotheses",
    "measured",
    "require",
    "sampled",
]

HOLDS, VIOLATED, UNDECIDED = "holds", "violated", "undecided"
EPS = 2.0**-52

Numbers = dict[str, Any]  # name -> float or text
_Box = Sequence[tuple[Fraction, Fraction]]


@dataclass(frozen=True)
class Evidence:
    """What a check found on one instance.

    verdict   holds | violated | undecided
    summary   one sentence for a reader
    ratio     for an inequality, (smaller side) / (larger side): 1 is sharp; None where it has no meaning
    numbers   the two numbers side by side, and what they were judged by
    """

    verdict: str
    summary: str
    ratio: float | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)
    rank: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not self.rank:
            raise TypeError(
                "Evidence has no rank: make it with exact, enclosed, certified, measured or sampled"
            )
        if self.verdict not in (HOLDS, VIOLATED, UNDECIDED):
            raise ValueError(f"verdict must be {HOLDS}, {VIOLATED} or {UNDECIDED}, got {self.verdict!r}")

    def __bool__(self) -> bool:
        raise TypeError("evidence has three values and is neither true nor false: look at .verdict")


class Exact(Evidence):
    """Decided by algebra on integers, rationals and symbols."""

    rank = "exact"


class Enclosed(Evidence):
    """Decided by balls that contain the true value, over a whole box."""

    rank = "enclosed"


class Certified(Evidence):
    """Decided by a primal and a dual point, both exactly feasible and evaluated."""

    rank = "certified"


class Measured(Evidence):
    """Decided in floating point, against a tolerance."""

    rank = "measured"


class Sampled(Evidence):
    """Decided by counting failures in independent trials."""

    rank = "sampled"


RANKS: tuple[type[Evidence], ...] = (Exact, Enclosed, Certified, Measured, Sampled)
RANK_NAMES: tuple[str, ...] = tuple(kind.rank for kind in RANKS)


def _judge(possible: signs.Signs, sense: str) -> str:
    """The verdict when the difference of the two sides can have no other signs than `possible`."""
    if possible <= SENSES[sense]:
        return HOLDS
    return UNDECIDED if possible & SENSES[sense] else VIOLATED


def _check_sense(sense: str, allowed: Iterable[str] = SENSES) -> None:
    if sense not in allowed:
        raise ValueError(f"sense must be one of {', '.join(allowed)}, got {sense!r}")


# --- exact -------------------------------------------------------------------------------------------------


def exact(
    lhs: Any,
    rhs: Any,
    sense: str = "==",
    *,
    witness: Mapping[Any, Any] | None = None,
    positive: Iterable[Any] = (),
) -> Exact:
    """Compare two expressions for all values of their symbols, by algebra.

    lhs, rhs  sympy expressions, Fractions or integers; floats are refused
    witness   {symbol: value}, a point at which the relation is expected to fail; tried first
    positive  symbols to be taken as positive, besides what they assume themselves

    An identity holds if its difference cancels.  An inequality holds if, after cancelling, numerator and
    denominator have a definite sign term by term (so substitute the hypotheses away: x = 1 + v with v > 0),
    or factor by factor.  It is violated only with a witness: an exact point, given or found among small
    rationals, where both sides are evaluated.  Everything else is undecided.
    """
    import sympy

    _check_sense(sense)
    assumed = {s: sympy.Symbol(s.name, **{**s.assumptions0, "positive": True}) for s in positive}
    left, right = (signs.expression(side).subs(assumed) for side in (lhs, rhs))
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    difference = left - right

    def holds() -> Exact:
        comparable = not symbols and sense not in ("==", "!=") and left.is_positive and right.is_positive
        ratio = (left / right if sense in ("<", "<=") else right / left) if comparable else None
        shown = {"lhs": _short(left), "rhs": _short(right)}
        summary = f"{shown['lhs']} {sense} {shown['rhs']}, by algebra"
        return Exact(HOLDS, summary, None if ratio is None else float(ratio), shown)

    def fails_at(point: Mapping[Any, Any]) -> Exact | None:
        sign = signs.of_number(difference.subs(point))
        if sign is None or sign in SENSES[sense]:
            return None
        where = ", ".join(f"{symbol} = {value}" for symbol, value in point.items()) or "(no symbols)"
        shown = {"lhs": _short(left.subs(point)), "rhs": _short(right.subs(point)), "witness": where}
        return Exact(VIOLATED, f"{shown['lhs']} {sense} {shown['rhs']} is false at {where}", None, shown)

    if witness is not None:
        point = {assumed.get(s, s): signs.expression(value) for s, value in witness.items()}
        signs.check_point(point, symbols)
        if (failure := fails_at(point)) is not None:
            return failure
    if _judge(signs.of_expression(difference), sense) == HOLDS:
        return holds()
    # A false identity fails nearly everywhere, a false inequality perhaps only in a corner.
    for point in signs.points(symbols, limit=8 if sense == "==" else 128):
        if (failure := fails_at(point)) is not None:
            return failure
    # Dearer rewritings, only where nothing cheaper decided; each is an exact transformation.
    for rewrite in (sympy.gammasimp, lambda e: sympy.expand(e.rewrite(sympy.exp)), sympy.simplify):
        if _judge(signs.of_expression(rewrite(difference)), sense) == HOLDS:
            return holds()
    shown = {"lhs": _short(left), "rhs": _short(right)}
    return Exact(UNDECIDED, f"algebra neither shows nor refutes that lhs {sense} rhs", None, shown)


def _short(expression: Any) -> str:
    operations = int(expression.count_ops())
    return str(expression) if operations <= 40 else f"(an expression with {operations} operations)"


# --- enclosed ----------------------------------------------------------------------------------------------


def enclosed(
    value: Any,
    sense: str,
    *,
    box: Sequence[tuple[Any, Any]] | None = None,
    budget: int = 4096,
    ratio: float | None = None,
) -> Enclosed:
    """Compare an Arb ball with 0, or a function of balls with 0 everywhere on a box.

    value   an arb; or, with `box`, a function of one arb per side of the box, returning an arb
    box     [(lo, hi), ...], ends as integers, Fractions or floats (taken exactly)
    budget  how many evaluations may be spent on splitting the box
    ratio   the sharpest ratio, if the caller knows one

    A ball that straddles 0, or is not finite, is undecided.  On a box the relation holds when it holds on
    every piece, and is violated by one piece, or the middle of one, where it fails everywhere.
    """
    _check_sense(sense)
    if box is None:
        verdict = _judge(signs.of_ball(value), sense)
        return Enclosed(verdict, f"{value} {sense} 0: {verdict}", ratio, {"ball": str(value)})

    pieces = deque([[(Fraction(lo), Fraction(hi)) for lo, hi in box]])
    if not box or any(lo > hi for lo, hi in pieces[0]):
        raise ValueError(f"box must be a non-empty list of (lo, hi) with lo <= hi, got {box!r}")
    spent = 0

    def decide(part: _Box) -> tuple[str, Numbers]:
        nonlocal spent
        spent += 1
        ball = value(*map(_ball, part))
        return _judge(signs.of_ball(ball), sense), {"ball": str(ball), "box": _box_text(part)}

    while pieces:
        piece = pieces.popleft()
        if spent >= budget:
            return Enclosed(UNDECIDED, f"{spent} evaluations spent", None, {"box": _box_text(piece)})
        verdict, shown = decide(piece)
        if verdict == HOLDS:
            continue
        middle = [((lo + hi) / 2,) * 2 for lo, hi in piece]
        if verdict == UNDECIDED:
            at_middle, shown_at_middle = decide(middle)
            if at_middle == VIOLATED:
                verdict, shown = at_middle, shown_at_middle
        # Nothing is left to split where the box is a single point.
        if verdict == VIOLATED or middle == piece:
            return Enclosed(verdict, f"{shown['ball']} {sense} 0 {verdict} at {shown['box']}", None, shown)
        side = max(range(len(piece)), key=lambda i: piece[i][1] - piece[i][0])
        for half in ((piece[side][0], middle[side][0]), (middle[side][0], piece[side][1])):
            pieces.append([*piece[:side], half, *piece[side + 1 :]])
    text = f"{sense} 0 on the whole box {_box_text([(Fraction(lo), Fraction(hi)) for lo, hi in box])}"
    return Enclosed(HOLDS, text, ratio, {"evaluations": float(spent)})


def _ball(ends: tuple[Fraction, Fraction]) -> Any:
    """A ball around an interval (an end that is no binary fraction is rounded outwards)."""
    from flint import arb, fmpq

    lo, hi = (arb(fmpq(end.numerator, end.denominator)) for end in ends)
    return lo if ends[0] == ends[1] else lo.union(hi)


def _box_text(box: _Box) -> str:
    return " x ".join(f"[{float(lo):.6g}, {float(hi):.6g}]" for lo, hi in box)


# --- certified ---------------------------------------------------------------------------------------------


def certified(
    upper: Any,
    lower: Any,
    tolerance: float,
    *,
    defects: Iterable[Any] = (0,),
    refutation: tuple[Any, Any] | None = None,
) -> Certified:
    """Compare a primal value with a dual value; both points must be exactly feasible.

    upper, lower  values of the minimised objective and of its dual (numbers, or arrays of them)
    tolerance     the largest gap that counts as closed
    defects       by how much each constraint is missed; feasible means that none exceeds 0
    refutation    (value, threshold) of a certificate of the opposite (a dual ray, a Farkas vector): the only
                  way to be violated is a value above its threshold by more than rounding

    Weak duality makes a gap below -rounding impossible for feasible points, so such a gap is undecided.
    """
    import numpy as np

    if refutation is not None:
        value, threshold = map(float, refutation)
        if (
            math.isfinite(value)
            and math.isfinite(threshold)
            and value - threshold > _rounding(value, threshold)
        ):
            shown: Numbers = {"value": value, "threshold": threshold}
            return Certified(VIOLATED, f"a certificate: {value} > {threshold}", None, shown)
    above, below = np.broadcast_arrays(np.asarray(upper, dtype=float), np.asarray(lower, dtype=float))
    missed = np.asarray([float(defect) for defect in defects])
    if above.size == 0 or missed.size == 0 or not (np.isfinite(above).all() and np.isfinite(below).all()):
        return Certified(UNDECIDED, "a bound or a defect is missing or not finite")
    gap = above - below
    worst = np.unravel_index(np.argmax(gap), gap.shape)
    closed = (gap <= tolerance).all() and (gap >= -_rounding(above, below)).all()
    feasible = (missed <= 0).all()
    shown = {
        "upper": float(above[worst]),
        "lower": float(below[worst]),
        "gap": float(gap[worst]),
        "tolerance": float(tolerance),
        "defect": float(missed.max()),
    }
    summary = f"gap {shown['gap']:.3g} (tolerance {tolerance:.3g}), largest defect {shown['defect']:.3g}"
    return Certified(HOLDS if feasible and closed else UNDECIDED, summary, None, shown)


def _rounding(a: Any, b: Any) -> Any:
    """Bound on the error of a - b where a and b are each evaluated to 64 units in the last place."""
    return 64 * EPS * (abs(a) + abs(b))


# --- measured ----------------------------------------------------------------------------------------------


def measured(
    value: Any, predicted: Any, tolerance: Any, sense: str = "==", *, margin: Any = None
) -> Measured:
    """Compare measured numbers with predicted ones, element by element; all must hold.

    value, predicted  numbers or NumPy arrays that broadcast (real; complex for "==")
    tolerance         from an error bound, stated beside the call
    margin            how far beyond the prediction is certain violation (100 tolerances)

    "==" holds within the tolerance, "<=" and ">=" up to it; "<" and ">" must be strict by more than the
    tolerance.  NaN, infinity and nothing at all are undecided.
    """
    import numpy as np

    _check_sense(sense, ("==", "<=", "<", ">=", ">"))
    beyond = 100 * np.asarray(tolerance, dtype=float) if margin is None else margin
    found, expected, allowed, beyond = np.broadcast_arrays(
        *map(_inexact, (value, predicted, tolerance, beyond))
    )
    if found.size == 0 or not all(np.isfinite(a).all() for a in (found, expected, allowed, beyond)):
        return Measured(
            UNDECIDED, "empty, NaN or infinite", None, {"value": str(value), "predicted": str(predicted)}
        )
    if (allowed < 0).any() or (beyond < allowed).any():
        raise ValueError("tolerance must not be negative, nor the margin smaller than the tolerance")

    difference = found - expected
    excess = np.abs(difference) if sense == "==" else -difference if sense in (">", ">=") else difference
    holds = excess < -allowed if sense in ("<", ">") else excess <= allowed
    verdict = VIOLATED if (excess > beyond).any() else HOLDS if holds.all() else UNDECIDED
    # The worst element is the one that uses most of its own tolerance.
    with np.errstate(over="ignore"):
        worst = np.unravel_index(np.argmax(excess / np.maximum(allowed, np.finfo(float).tiny)), excess.shape)
    shown: Numbers = {
        "value": found[worst].item(),
        "predicted": expected[worst].item(),
        "excess": excess[worst].item(),
        "tolerance": allowed[worst].item(),
    }
    if excess.size > 1:
        shown["index"] = str(tuple(map(int, worst)))
    summary = f"{shown['value']} {sense} {shown['predicted']}: excess {shown['excess']:.3g}"
    summary += f" (tolerance {shown['tolerance']:.3g})"
    return Measured(verdict, summary, _ratio(found, expected, sense), shown)


def _inexact(values: Any) -> Any:
    import numpy as np

    array = np.asarray(values)
    return array if array.dtype.kind == "c" else array.astype(float)


def _ratio(value: Any, predicted: Any, sense: str) -> float | None:
    """The largest (smaller side) / (larger side) of an inequality, over elements where both are positive."""
    if sense == "==":
        return None
    small, large = (value, predicted) if sense in ("<", "<=") else (predicted, value)
    positive = (small > 0) & (large > 0)
    return float((small[positive] / large[positive]).max()) if positive.any() else None


# --- sampled -----------------------------------------------------------------------------------------------


def sampled(failures: int, trials: int, at_most: float, level: float = 1e-6) -> Sampled:
    """Bound the probability of failure from independent trials on a fixed stream (Clopper and Pearson 1934).

    Holds if the upper confidence bound at `level` is at most `at_most`, violated if the lower one exceeds
    it.  No trials are undecided.
    """
    if not (0 <= failures <= trials and 0 < at_most <= 1 and 0 < level < 0.5):
        raise ValueError(
            "sampled needs 0 <= failures <= trials, 0 < at_most <= 1 and 0 < level < 1/2, "
            f"got {failures}, {trials}, {at_most}, {level}"
        )
    from scipy.special import betaincinv

    lower = float(betaincinv(failures, trials - failures + 1, level)) if failures else 0.0
    upper = float(betaincinv(failures + 1, trials - failures, 1 - level)) if failures < trials else 1.0
    verdict = (
        UNDECIDED
        if trials == 0
        else HOLDS
        if upper <= at_most
        else VIOLATED
        if lower > at_most
        else UNDECIDED
    )
    shown: Numbers = {"lower": lower, "upper": upper, "at most": float(at_most)}
    text = f"{failures} failures in {trials} trials: probability in [{lower:.3g}, {upper:.3g}]"
    return Sampled(verdict, f"{text}, claimed at most {at_most:.3g}", upper / at_most, shown)


# --- several at once ---------------------------------------------------------------------------------------


def every(*evidence: Evidence) -> Evidence:
    """All of these together: holds if all hold, violated if one is, with the weakest rank among them."""
    if not evidence or not all(isinstance(part, Evidence) for part in evidence):
        raise TypeError(f"every takes one or more pieces of evidence, got {evidence!r}")
    weakest = RANKS[max(RANKS.index(type(part)) for part in evidence)]
    verdicts = [part.verdict for part in evidence]
    verdict = next((v for v in (VIOLATED, UNDECIDED) if v in verdicts), HOLDS)
    ratios = [part.ratio for part in evidence if part.ratio is not None]
    # The part that shows best why: the first one with this verdict, the sharpest where all hold.
    telling = max((part for part in evidence if part.verdict == verdict), key=lambda part: part.ratio or 0.0)
    summary = f"{verdicts.count(verdict)} of {len(evidence)} parts {verdict}: {telling.summary}"
    return weakest(verdict, summary, max(ratios, default=None), telling.numbers)
