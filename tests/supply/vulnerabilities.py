"""`make vulnerabilities`: holds requirements.lock against the public advisories, by pip-audit.

Exit 0: every package was looked up and none is vulnerable, but for what is waived. Exit 1: one is,
a waiver has expired or is needed no longer, or some packages could not be looked up. Exit 3: no
advisory could be reached. pip-audit alone calls an index that knows no advisories "no known
vulnerabilities found", with exit 0.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tests.supply.waivers import Vulnerability, read_waivers

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"
CLEAN, BAD, UNREACHED = 0, 1, 3
UNREACHED_SAYS = (
    "No advisory could be reached{}, so nothing is known of vulnerabilities; run 'make "
    "vulnerabilities' where the package index can be asked."
)
OFFLINE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "Could not connect to")

Asked = Callable[[], tuple[str, str]]


def ask_pip_audit() -> tuple[str, str]:
    """What pip-audit says of the lock, as JSON, and what it complains of."""
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--no-deps",
         "--disable-pip", "--format", "json", "--progress-spinner", "off"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout, done.stderr


def judge(waivers: tuple[Vulnerability, ...], today: date, ask: Asked) -> tuple[int, list[str]]:
    """The exit code, and sentences."""
    expired = [
        f"The waiver of {one.id} ({one.package}) expired on {one.until}; take a version without "
        "it, or say anew why it does no harm."
        for one in waivers
        if one.until < today
    ]
    if expired:
        return BAD, expired
    said, complained = ask()
    try:
        packages = json.loads(said)["dependencies"]
    except ValueError:
        return _without_answer(complained)
    return _of_packages(packages, waivers)


def _without_answer(complained: str) -> tuple[int, list[str]]:
    if any(sign in complained for sign in OFFLINE):
        return UNREACHED, [UNREACHED_SAYS.format("")]
    last = complained.strip().splitlines()[-1:] or ["nothing"]
    return BAD, [f"pip-audit gave no answer: {last[0]}"]


def _of_packages(
    packages: list[dict[str, Any]], waivers: tuple[Vulnerability, ...]
) -> tuple[int, list[str]]:
    if not packages:
        return BAD, [f"pip-audit found no package in {LOCK.name}."]
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    if len(skipped) == len(packages):
        return UNREACHED, [UNREACHED_SAYS.format(f" for any of {len(packages)} packages")]
    waived = {(one.package, one.id) for one in waivers}
    known, sentences = set(), []
    for package in packages:
        for advisory in package.get("vulns", ()):
            names = {(package["name"], name) for name in (advisory["id"], *advisory["aliases"])}
            known |= names
            if not names & waived:
                sentences.append(_vulnerable(package, advisory))
    sentences += [
        f"The waiver of {name} ({package}) is needed no longer; take it out."
        for package, name in sorted(waived - known)
    ]
    if skipped:
        some = ", ".join(skipped[:5])
        sentences.append(f"{len(skipped)} packages could not be looked up ({some}).")
    if sentences:
        return BAD, sentences
    return CLEAN, [f"{len(packages)} packages, {len(waived)} waivers, no other advisory."]


def _vulnerable(package: dict[str, Any], advisory: dict[str, Any]) -> str:
    mended = ", ".join(advisory["fix_versions"]) or "no version yet"
    return (
        f"{package['name']} {package['version']} has {advisory['id']}; mended in {mended}: raise "
        "the lock, or waive it with a reason and a day in tests/supply/waivers.toml."
    )


def main() -> int:
    code, sentences = judge(read_waivers().vulnerability, datetime.now(UTC).date(), ask_pip_audit)
    for sentence in sentences:
        print(f"vulnerabilities: {sentence}", file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
