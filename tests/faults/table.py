"""The fault table: what was made, where, what happened, what is lost, and who shows it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults import elsewhere, hardships, machine
from tests.faults.damage import ARTEFACTS, DAMAGES, Outcome, damage
from tests.faults.formats import FORGED, FORMATS
from tests.faults.fuzz import for_seconds, fuzz
from tests.faults.kills import Bench, Survived
from tests.faults.side_by_side import side_by_side
from tests.faults.stages import ELSEWHERE, STAGES, TOO_LONG, Stage
from tests.manifests import hashes

TITLE = "Faults, made on purpose, and what they cost"
NOTHING = "nothing"
THIS = "this run"
CI = f"{THIS}; tests/e2e/test_faults.py"
OF_FEATURES = f"{THIS}; of make features tests/e2e/test_faults.py"
FUZZED = f"{THIS}; tests/e2e/test_fuzz.py"
CHECKED = ("train_cnn", "stack", "submission", "report")  # called on a run in which all is made
LONG = 3000.0  # seconds
Row = dict[str, object]


def rows(folder: Path, seconds: float, jobs: int, seed: int) -> list[Row]:
    """All of the table, in about so many seconds."""
    began = time.monotonic()
    benches = [Bench(folder / f"bench_{number}", seed + number) for number in range(jobs)]
    made = side_by_side(benches, _killed, began + 0.85 * seconds)
    bench = benches[0]
    bench.catch_up(len(STAGES))
    bench.keep("after")
    (bench.folder / "nothing").mkdir()
    unbroken = hashes(bench.here)
    for number, artefact in enumerate(ARTEFACTS):
        made.append(_damaged(bench, number, unbroken, short=seconds < LONG))
        print(f"{artefact.kind}: {made[-1]['what happened']}", flush=True)
    for make in _hardships(bench, unbroken):
        made.append(_row_of(make))
        print(made[-1], flush=True)
    left = max(20.0, began + seconds - time.monotonic()) / (len(FORMATS) + len(FORGED))
    made += [_fuzzed(name, left, seed) for name in (*FORMATS, *FORGED)]
    return [*made, *_elsewhere()]


def about(rows: list[Row]) -> str:
    """The page's first paragraph."""
    lost = [row for row in rows if row["lost"] != NOTHING]
    return (
        f"{len(rows)} faults; in {len(rows) - len(lost)} of them nothing is lost. "
        "A kill is SIGKILL just before a file or folder appears, goes or is opened for writing, by "
        "kind of boundary (numbers and names of a bundle's sources aside), and at random moments; "
        "then the same command runs again, and all bytes are held against those of an unbroken "
        "run: of every file but the log, the memory of hashes, the study database and a suite's "
        "page of seconds, and of manifests all but seconds and code. A sentence is one line on the "
        "standard error with exit code 2; what it says is done to the letter, and the bytes are "
        "compared again. "
        "Damaged files of strangers are read in a child with 30 seconds and 2 GB each. Bounded by "
        "SECONDS=; a row says whether all kinds of boundary that an unbroken run meets had their "
        "kill. There may be more kills than kinds: a call that goes on meets others too."
    )


def _killed(bench: Bench, stage: Stage, seconds: float) -> Row:
    began = time.monotonic()
    try:
        row = _row_of_kills(bench.survive_for(stage, seconds))
    except AssertionError as error:
        bench.restore("after")
        return _failed("two calls at once; kill -9", f"make {stage.name}", error)
    took = f"{time.monotonic() - began:,.0f} s"
    print(row["where"], row["what happened"], row["lost"], took, sep="; ", flush=True)
    return row


def _failed(fault: str, where: str, error: AssertionError) -> Row:
    """What should not be: on the page too."""
    print(fault, where, error, sep="\n", flush=True)
    return {
        "fault": fault, "where": where, "what happened": "not what must be: see the run's output",
        "lost": "unknown", "shown by": THIS,
    }  # fmt: skip


def _row_of_kills(result: Survived) -> Row:
    name = result.stage.name + (" IMAGES=" if result.stage.script == "predict_images" else "")
    return {
        "fault": f"{'two calls' if result.at_once else 'a call'} at once; kill -9",
        "where": f"make {name}",
        "what happened": f"{_kinds(result)}; {len(result.killed)} kills at boundaries, "
        f"{result.at_random} at random; all bytes compared",
        "lost": _lost(result.lost),
        "shown by": THIS if result.stage.script in ELSEWHERE | TOO_LONG else CI,
    }


def _kinds(result: Survived) -> str:
    """Whether each of the unbroken run's had its kill."""
    died = len(result.kinds) - len(result.spared)
    return f"{'all' if not result.spared else f'{died} of'} {len(result.kinds)} kinds"


def _damaged(bench: Bench, number: int, unbroken: dict[str, str], *, short: bool) -> Row:
    """Two kinds of damage each, by turns; one where time is short."""
    artefact, names = ARTEFACTS[number], list(DAMAGES)
    some = [names[number % 4]] if short else [names[number % 3], names[3]]
    try:
        outcomes = [damage(bench, artefact, name, unbroken) for name in some]
    except AssertionError as error:
        return _failed(" / ".join(some), artefact.kind, error)
    return {
        "fault": " / ".join(some),
        "where": f"{artefact.kind}, make {artefact.script.replace('_', '-')}",
        "what happened": " / ".join(dict.fromkeys(_short(outcome) for outcome in outcomes)),
        "lost": _lost([name for one in outcomes for name in one.lost]),
        "shown by": CI,
    }


def _short(outcome: Outcome) -> str:
    return outcome.what.replace("|", "/")


def _hardships(
    bench: Bench, unbroken: dict[str, str]
) -> Iterator[Callable[[], hardships.Hardship]]:
    """Those that this machine lets be made."""
    yield lambda: hardships.small_files(bench, unbroken, "features")
    yield lambda: hardships.clock(bench, unbroken)
    yield lambda: hardships.file_times(bench, unbroken, CHECKED)
    if machine.may_mount():
        yield lambda: hardships.full_disk(bench, unbroken)
        yield lambda: hardships.read_only(bench, unbroken, ("verify", "features"), "features")
    if machine.may_group():
        yield lambda: hardships.out_of_memory(bench, unbroken, whole="train_cnn")
        yield lambda: hardships.worker_out_of_memory(bench, unbroken, "train_cnn")


def _row_of(make: Callable[[], hardships.Hardship]) -> Row:
    try:
        one = make()
    except AssertionError as error:
        return _failed("a hardship", "see the output", error)
    as_in_ci = ("make features", f"make {CHECKED[0]}, {CHECKED[1]}", "make train_cnn, JOBS=2")
    whole = one.where.startswith(as_in_ci)
    shown = CI if whole else OF_FEATURES
    return {
        "fault": one.fault, "where": one.where, "what happened": one.happened,
        "lost": _lost(one.lost), "shown by": shown,
    }  # fmt: skip


def _fuzzed(name: str, seconds: float, seed: int) -> Row:
    read = fuzz(name, for_seconds(seconds), seed, 30.0 if name in FORMATS else 10.0)
    print(read.outcomes, *read.finds[:3], sep="\n", flush=True)
    counts = Counter(read.outcomes)
    said = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
    scope = "" if name in FORMATS else " (out of scope: whoever forges a manifest may run a model)"
    is_lost = name in FORMATS and bool(read.finds)
    return {
        "fault": "damaged by seed, read in a child process",
        "where": name,
        "what happened": f"{said}{scope}",
        "lost": f"{len(read.finds)} finds" if is_lost else NOTHING,
        "shown by": FUZZED,
    }


def _elsewhere() -> Iterator[Row]:
    for fault, where, happened, test in elsewhere.ROWS:
        yield {"fault": fault, "where": where, "what happened": happened, "lost": NOTHING,
               "shown by": test}  # fmt: skip


def _lost(names: list[str]) -> str:
    return (
        ", ".join(names[:3]) + (f" (+{len(names) - 3} more)" if len(names) > 3 else "") or NOTHING
    )
