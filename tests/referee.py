"""The referee: a pytest plugin that says, claim by claim, what is proved, certified, only measured, or false.

Tests import `check` and the roles from here.  The plugin notes which test is bound to which claim when the
tests are collected, so that a test that raises, is skipped or takes its worker down still stands in the
ledger; it takes the evidence of each test from its report; at the end it prints a row per paper, judges the
structural rules if the whole suite was collected, and writes the ledger.

    --claim ICM-T3   only the tests bound to this claim (ICM-X12: to all its parts; ICM: to a whole paper)
    --ledger PATH    where the ledger is written
    --backend NAME   numpy | cupy | strict, for the fixtures `backend` and `xp`
"""

from __future__ import annotations

import difflib
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from labs.core.sources import digest, import_closure
from tests import bindings, ledger
from tests.bindings import Binding, Trial, check, control, refutes, reports, restates, verifies
from theory.claims import REGISTRY, load

__all__ = ["check", "control", "refutes", "reports", "restates", "verifies"]

EVIDENCE = "evidence"  # the user property of a test that carries its records
TABLES = "referee_tables"  # the input of a worker that names the folder for the tables of bindings

# Packages that may be absent: a test that needs one is skipped.
OPTIONAL = ("cvxpy", "flint", "cupy", "dask", "distributed")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("referee", "claims and their evidence")
    group.addoption(
        "--claim", action="append", default=[], metavar="ID", help="only the tests of this claim or paper"
    )
    group.addoption("--ledger", default="build/ledger.json", metavar="PATH", help="default: %(default)s")
    group.addoption(
        "--backend",
        choices=("numpy", "cupy", "strict"),
        default=os.environ.get("LABS_BACKEND", "numpy"),
        help="array library of the fixtures `backend` and `xp` (LABS_BACKEND; here: %(default)s)",
    )
    parser.addini("referee_theory", "package that states the claims", default="theory")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{bindings.MARK}(*bindings): set by @verifies and the other roles")
    # Under pytest-xdist the controller imports no test, so the registry is filled here.
    load(config.getini("referee_theory"))
    for pattern in config.getoption("--claim"):
        if not REGISTRY.select(pattern):
            known = {claim.id for claim in REGISTRY} | {claim.paper.key for claim in REGISTRY}
            near = difflib.get_close_matches(pattern.upper(), sorted(known), n=3, cutoff=0.4)
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise pytest.UsageError(f"--claim {pattern}: no claim has this id, and no paper{hint}")
    config.pluginmanager.register(Referee(config), "referee of this run")


class Referee:
    """One run of the tests: in the main process, or in a worker of pytest-xdist (which keeps no ledger)."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.claims = list(REGISTRY)
        self.wanted = {
            claim.id for pattern in config.getoption("--claim") for claim in REGISTRY.select(pattern)
        }
        self.tables: Path | None = None
        self.results: dict[str, ledger.Result] = {}
        self.uncollected: set[str] = set()
        self.title, self.lines = "", list[str]()

    # --- collection: which test is bound to which claim

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where to write its table: in a file, because a dead worker returns nothing."""
        if self.tables is None:
            self.tables = Path(tempfile.mkdtemp(prefix="referee-"))
        node.workerinput[TABLES] = str(self.tables)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.uncollected.add(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None]:
        """Note every test before any is deselected, deselect by claim, and note which ones are left."""
        for item in items:
            is_long = item.get_closest_marker("long") is not None
            self.results[item.nodeid] = ledger.Result(
                item.nodeid, bindings.bindings_of(item), is_long, selected=False
            )
        if self.wanted:
            others = [item for item in items if not self.wanted & self.results[item.nodeid].claims()]
            self.config.hook.pytest_deselected(items=others)
            left_out = {item.nodeid for item in others}
            items[:] = [item for item in items if item.nodeid not in left_out]
        yield
        for item in items:
            self.results[item.nodeid].selected = True
        if self.worker is not None:
            table = json.dumps([asdict(result) for result in self.results.values()])
            unfinished = Path(self.worker[TABLES], self.worker["workerid"])
            unfinished.write_text(table, encoding="utf-8")
            unfinished.rename(unfinished.with_suffix(".json"))

    # --- running: the evidence of each test

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, Any, Any]:
        try:
            return (yield)
        finally:
            bindings.run_as(None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        bound = bindings.bindings_of(item)
        bindings.run_as(Trial(bound) if bound else None)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        trial = bindings.running()
        try:
            result = yield
            if trial is not None:
                trial.must_be_complete()
            return result
        except ModuleNotFoundError as missing:
            if (missing.name or "").split(".")[0] in OPTIONAL:
                pytest.skip(f"needs {missing.name}, which is not installed")
            raise
        finally:
            if trial is not None:
                item.user_properties.append((EVIDENCE, list(trial.records.values())))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.worker is not None:
            return
        result = self.results.setdefault(report.nodeid, ledger.Result(report.nodeid, ()))
        result.seconds += report.duration
        expected_to_fail = report.skipped and hasattr(report, "wasxfail")
        if report.failed or expected_to_fail:
            result.outcome, result.message = "failed", _reason(report)
        elif report.skipped and result.outcome != "failed":
            result.outcome, result.message = "skipped", _reason(report)
        elif report.when == "call" and result.outcome is None:
            result.outcome = "passed"
        if report.when == "call":
            result.records = dict(report.user_properties).get(EVIDENCE, [])  # type: ignore[assignment]

    # --- the end: the ledger

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.worker is not None or self.config.option.collectonly:
            return
        self._read_tables()
        if _interrupted(session):  # then a test without outcome did not run; else it did not come to its end
            for result in self.results.values():
                result.selected = result.outcome is not None
        whole, results = self._whole(), list(self.results.values())
        entries = {}
        for claim in self.claims:
            bound = ledger.bound_to(claim.id, results)
            asked = not self.wanted or claim.id in self.wanted
            if whole or (asked and any(result.selected for _, result in bound)):
                entries[claim.id] = ledger.entry(bound) | self._provenance(bound)
        found = ledger.violations(self.claims, entries, results) if whole else []
        found += ledger.broken(entries)
        self._write(entries, found, whole)
        self._describe(entries, found, whole)
        if found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _read_tables(self) -> None:
        """Join the workers' tables to the results.  Every worker collects the same tests."""
        if self.tables is None:
            return
        for table in sorted(self.tables.glob("*.json")):
            for row in json.loads(table.read_text(encoding="utf-8")):
                bound = [Binding(**binding) for binding in row["bindings"]]
                result = self.results.setdefault(row["nodeid"], ledger.Result(row["nodeid"], bound))
                result.bindings, result.long, result.selected = bound, row["long"], row["selected"]
        shutil.rmtree(self.tables)

    def _whole(self) -> bool:
        """Whether the whole suite was collected, and every test but the long ones ran."""
        config, option = self.config, self.config.option
        suite = {(config.rootpath / path).resolve() for path in config.getini("testpaths")}
        asked = {(config.invocation_params.dir / argument).resolve() for argument in config.args}
        narrowed = self.wanted or option.keyword or option.ignore or option.ignore_glob
        left_out = any(not result.selected and not result.long for result in self.results.values())
        return asked == suite and not (narrowed or left_out or self.uncollected)

    def _provenance(self, bound: ledger.Bound) -> ledger.Entry:
        """Where and when a claim was judged, and the hash of every file of the project that took part."""
        root = self.config.rootpath.resolve()
        tests = {root / ledger.file_of(result.nodeid) for _, result in bound}
        files = frozenset(file for test in tests for file in import_closure(test, root))
        return {
            "backend": self.config.getoption("--backend"),
            "sources": digest(files, root),
            "files": sorted(file.relative_to(root).as_posix() for file in files),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _write(self, entries: dict[str, ledger.Entry], found: list[str], whole: bool) -> None:
        """A whole run writes the ledger anew; a partial one updates the claims that it can tell about."""
        path = self.config.rootpath / self.config.getoption("--ledger")
        if not whole:
            before = ledger.read(path)
            known = {claim.id for claim in self.claims}
            kept = {name: old for name, old in before["claims"].items() if name in known}
            results = list(self.results.values())
            files = {ledger.file_of(nodeid) for nodeid in self.results}
            new = {
                name: now
                for name, now in entries.items()
                if ledger.updated_by(ledger.bound_to(name, results), kept.get(name, {}), files)
            }
            if not new:
                return
            old = [line for line in before["violations"] if line.split(":")[0] not in new]
            found = old + [line for line in found if line.split(":")[0] in new]
            entries = kept | new
        ledger.write(
            path,
            {
                "version": ledger.VERSION,
                "partial": not whole,
                "backend": self.config.getoption("--backend"),
                "claims": entries,
                "papers": ledger.papers(self.claims, entries),
                "violations": found,
            },
        )

    def _describe(self, entries: dict[str, ledger.Entry], found: list[str], whole: bool) -> None:
        rows = ledger.papers(self.claims, entries)
        self.lines = ledger.table(rows) if rows else ["no claim was tested"]
        if found:
            self.lines += ["", f"{len(found)} violations:", *(f"  {line}" for line in found)]
        ran = (result for result in self.results.values() if result.outcome)
        slowest = sorted(ran, key=lambda result: -result.seconds)[:10]
        self.lines += ["", "slowest tests:", *(f"  {r.seconds:6.2f} s  {r.nodeid}" for r in slowest)]
        self.title = "claims" if whole else "claims (partial: the structural rules were not judged)"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.worker is None and self.lines:
            terminalreporter.section(self.title)
            for line in self.lines:
                terminalreporter.write_line(line)


def _interrupted(session: pytest.Session) -> bool:
    unfinished = (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
    return bool(session.shouldstop or session.shouldfail or session.exitstatus in unfinished)


def _reason(report: pytest.TestReport) -> str:
    """One line that says why a test failed or was skipped."""
    longrepr: Any = report.longrepr
    if isinstance(longrepr, tuple):  # (file, line, reason) of a skip
        text = longrepr[2]
    else:
        crash = getattr(longrepr, "reprcrash", None)
        text = str(longrepr) if crash is None else crash.message
    return next(iter(text.strip().splitlines()), "")
