"""Checks, and the roles in which a test binds to a claim.

A check is a function that takes an instance and returns Evidence.  A test chooses instances; its role says
what the evidence must be:

    @verifies(A, B)                                  every evidence holds
    @restates(A)                                     the same, on the same problem in a roundabout way
    @control(A, sharpens="1 + K -> 0.99 (1 + K)")    every evidence is violated: a near miss
    @control(A, drops="A2")                          the same, with the hypothesis A2 (and only it) waived
    @control(A, changes="sign of the last term")     the same, for an identity or a definition
    @refutes(A, corrected=B)                         A is false: violated on its counterexample
    @reports(A)                                      a claim of kind `report`: recorded, never judged

Evidence that is not what the role expects raises at once, so that Hypothesis can shrink the instance.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from tests import instances
from theory.claims import REGISTRY, Claim
from theory.evidence import HOLDS, RANK_NAMES, VIOLATED, Evidence, hypotheses

MARK = "claims"  # the pytest mark that carries a Binding

# role -> the verdict that every evidence must have (None: any)
EXPECTED: dict[str, str | None] = {
    "verifies": HOLDS,
    "restates": HOLDS,
    "control": VIOLATED,
    "refutes": VIOLATED,
    "reports": None,
}

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Binding:
    """A test's role towards one claim; `note` is what a control changes, or the id of a correction."""

    claim: str
    role: str
    note: str = ""
    drops: str | None = None


class ClaimFailed(AssertionError):
    """Evidence that is not what the test's role expects."""


class Misuse(Exception):
    """A test or a check that does not follow the rules, so that its evidence could not be trusted."""


# --- roles -------------------------------------------------------------------------------------------------


def verifies(*claims: Claim) -> pytest.MarkDecorator:
    """The test's instances must make every claim hold."""
    return _bind(Binding(_of_kind("verifies", claim, "theorem", "law"), "verifies") for claim in claims)


def restates(*claims: Claim) -> pytest.MarkDecorator:
    """The test states the claims' problem in a roundabout way; they must hold all the same."""
    return _bind(Binding(_of_kind("restates", claim, "theorem", "law"), "restates") for claim in claims)


def control(
    claim: Claim, *, sharpens: str | None = None, drops: str | None = None, changes: str | None = None
) -> pytest.MarkDecorator:
    """The test changes the claim a little (in exactly one of three ways), so that it must be violated.

    sharpens  which constant is sharpened, in words
    drops     the name of the hypothesis that the instances break; `require` of this name is waived
    changes   which sign, exponent or coefficient is changed, where there is nothing to sharpen or drop
    """
    ways = {"sharpens": sharpens, "drops": drops, "changes": changes}
    given = [f"{way} {text}" for way, text in ways.items() if text]
    if len(given) != 1:
        raise ValueError(f"control of {claim.id}: give exactly one of sharpens, drops and changes")
    if drops is not None and drops not in claim.hypotheses:
        raise ValueError(f"control of {claim.id}: it has no hypothesis {drops!r}, only {claim.hypotheses}")
    return _bind([Binding(_of_kind("control", claim, "theorem", "law"), "control", given[0], drops)])


def refutes(claim: Claim, *, corrected: Claim) -> pytest.MarkDecorator:
    """The claim is false, and the test's instance shows it; `corrected` is what is true instead."""
    return _bind([Binding(_of_kind("refutes", claim, "theorem", "law"), "refutes", corrected.id)])


def reports(*claims: Claim) -> pytest.MarkDecorator:
    """The test measures what a paper observed; nothing is asserted."""
    return _bind(Binding(_of_kind("reports", claim, "report"), "reports") for claim in claims)


def _of_kind(role: str, claim: Claim, *kinds: str) -> str:
    if claim.kind not in kinds:
        raise ValueError(f"@{role} takes claims of kind {' or '.join(kinds)}; {claim.id} is a {claim.kind}")
    return claim.id


def _bind(bindings: Iterable[Binding]) -> pytest.MarkDecorator:
    bound = tuple(bindings)
    if not bound:
        raise ValueError("a role needs at least one claim")
    return getattr(pytest.mark, MARK)(*bound)


def bindings_of(item: pytest.Item) -> list[Binding]:
    """Every binding of a collected test, in the order of its decorators."""
    return [binding for mark in item.iter_markers(MARK) for binding in mark.args]


# --- checks ------------------------------------------------------------------------------------------------

_trial: Trial | None = None  # the test that is running
_inside = False  # whether a check is running: checks that it calls are plain functions


def check(*claims: Claim) -> Callable[[Function], Function]:
    """Make a function the check of these claims: it takes an instance and returns Evidence.

    Called in a test that is bound to one of the claims, the evidence is recorded and judged; elsewhere, and
    inside another check, the function is what it was.
    """
    if not claims:
        raise ValueError("a check needs at least one claim")
    ids = tuple(claim.id for claim in claims)

    def decorate(function: Function) -> Function:
        name = f"{function.__module__}.{function.__qualname__}"
        signature = inspect.signature(function)

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Evidence:
            __tracebackhide__ = True
            global _inside
            if _trial is None or _inside:
                return _must_be_evidence(name, function(*args, **kwargs))
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            _inside = True
            try:
                with hypotheses(waive=_trial.waiver(name, ids)) as seen:
                    evidence = _must_be_evidence(name, function(*args, **kwargs))
            finally:
                _inside = False
            _trial.take(name, ids, bound.arguments, evidence, seen)
            return evidence

        return run  # type: ignore[return-value]

    return decorate


def _must_be_evidence(name: str, value: Any) -> Evidence:
    if not isinstance(value, Evidence):
        raise Misuse(f"the check {name} must return Evidence, it returned {value!r}")
    return value


def run_as(trial: Trial | None) -> None:
    """Make `trial` the one that checks report to (None: nobody)."""
    global _trial
    _trial = trial


def running() -> Trial | None:
    """The test that checks report to now."""
    return _trial


# --- the evidence of one test ------------------------------------------------------------------------------


@dataclass
class Trial:
    """One test while it runs: its bindings, and what its checks found for each claim.

    A record is plain data, because it travels between processes: {claim, check, count, verdicts: {verdict:
    count}, ranks: {verdict: the weakest}, ratio: the largest that held, instances: their summary}.
    """

    bindings: Sequence[Binding]
    records: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ids = [binding.claim for binding in self.bindings]
        if twice := sorted({claim for claim in ids if ids.count(claim) > 1}):
            raise Misuse(f"the test is bound twice to {', '.join(twice)}: one role per claim and test")

    def relevant(self, check: str, claims: Iterable[str]) -> list[Binding]:
        found = [binding for binding in self.bindings if binding.claim in claims]
        if not found:
            here = ", ".join(binding.claim for binding in self.bindings)
            raise Misuse(f"the check {check} decides {', '.join(claims)}, the test is bound to {here}")
        return found

    def waiver(self, check: str, claims: Iterable[str]) -> str | None:
        """The hypothesis that this test waives when it runs this check."""
        drops = {binding.drops for binding in self.relevant(check, claims)}
        if len(drops) > 1:
            raise Misuse(f"the check {check} runs for claims that drop different hypotheses: split the test")
        return drops.pop()

    def take(
        self,
        check: str,
        claims: Iterable[str],
        arguments: dict[str, Any],
        evidence: Evidence,
        seen: Sequence[tuple[str, bool]],
    ) -> None:
        """Record one piece of evidence, and raise if it is not what the role expects."""
        __tracebackhide__ = True
        bindings = self.relevant(check, claims)
        for binding in bindings:
            if binding.drops is not None:
                _must_be_dropped(binding, check, seen)
        summary = instances.summarise(arguments)
        for binding in bindings:
            self._record(binding.claim, check, summary, evidence)
        for binding in bindings:
            if not _expected(binding, evidence.verdict):
                raise ClaimFailed(explain(binding, check, arguments, evidence))

    def _record(self, claim: str, check: str, summary: instances.Summary, evidence: Evidence) -> None:
        new = {"claim": claim, "check": check, "count": 0, "verdicts": {}, "ranks": {}, "ratio": None}
        record = self.records.setdefault((claim, check), new | {"instances": summary})
        verdict, ranks = evidence.verdict, record["ranks"]
        record["count"] += 1
        record["verdicts"][verdict] = record["verdicts"].get(verdict, 0) + 1
        record["instances"] = instances.merge(record["instances"], summary)
        ranks[verdict] = max(ranks.get(verdict, evidence.rank), evidence.rank, key=RANK_NAMES.index)
        if verdict == HOLDS and evidence.ratio is not None and math.isfinite(evidence.ratio):
            record["ratio"] = max(float(evidence.ratio), record["ratio"] or 0.0)

    def must_be_complete(self) -> None:
        """Raise unless every claim of the test got evidence, all of it as its role expects.

        The second can only fail if the test caught ClaimFailed.
        """
        for binding in self.bindings:
            records = [record for (claim, _), record in self.records.items() if claim == binding.claim]
            if not records:
                raise Misuse(f"the test produced no evidence for {binding.claim}: it ran no check of it")
            if not all(_expected(binding, verdict) for record in records for verdict in record["verdicts"]):
                raise Misuse(f"the test caught the failure of {binding.claim}")


def _expected(binding: Binding, verdict: str) -> bool:
    return EXPECTED[binding.role] in (None, verdict)


def _must_be_dropped(binding: Binding, check: str, seen: Sequence[tuple[str, bool]]) -> None:
    stated = [satisfied for name, satisfied in seen if name == binding.drops]
    if not stated:
        raise Misuse(f"the check {check} never requires {binding.drops}: there is nothing to drop")
    if all(stated):
        raise Misuse(
            f"{binding.drops} is true of this instance: the control of {binding.claim} drops nothing"
        )


def explain(binding: Binding, check: str, arguments: dict[str, Any], evidence: Evidence) -> str:
    """What a failing claim prints."""
    claim = REGISTRY[binding.claim]
    wanted = EXPECTED[binding.role]
    as_role = {"control": f" (control: {binding.note})", "refutes": f" (corrected: {binding.note})"}
    rows = [
        ("claim", claim.statement),
        ("formula", claim.formula),
        (evidence.rank, evidence.summary),
        *evidence.numbers.items(),
        ("instance", instances.show(arguments)),
        ("check", check),
        ("again", f"pytest --claim {claim.id}"),
    ]
    title = f"{claim.id}: {evidence.verdict}, where @{binding.role} expects {wanted}"
    return "\n".join([title + as_role.get(binding.role, ""), *(_row(name, text) for name, text in rows)])


def _row(name: str, text: object) -> str:
    return f"  {name:<10}" + str(text).replace("\n", "\n" + " " * 12)
