"""What is said of advisories: found, waived, expired, needed no longer, out of reach."""

import json
import subprocess
import sys
from datetime import date

import pytest

from tests.supply import vulnerabilities
from tests.supply.vulnerabilities import BAD, CLEAN, UNREACHED, judge
from tests.supply.waivers import Vulnerability, read_waivers

TODAY = date(2026, 11, 28)
ADVISORY = {"id": "PYSEC-1", "aliases": ["GHSA-1"], "fix_versions": ["1.1"], "description": "x"}
SOUND = {"name": "sound", "version": "2.0", "vulns": []}
ILL = {"name": "ill", "version": "1.0", "vulns": [ADVISORY]}
SKIPPED = {"name": "own", "skip_reason": "Dependency not found on PyPI"}


def answer(*packages):
    return lambda: (json.dumps({"dependencies": packages, "fixes": []}), "")


def waived(until=TODAY, name="GHSA-1"):
    why = "Only its server is affected."
    return (Vulnerability(id=name, package="ill", why=why, until=until),)


def test_none_is_clean():
    assert judge((), TODAY, answer(SOUND)) == (
        CLEAN, ["1 packages, 0 waivers, no other advisory."]
    )  # fmt: skip


def test_one_fails_with_the_mend():
    assert judge((), TODAY, answer(SOUND, ILL)) == (
        BAD,
        ["ill 1.0 has PYSEC-1; mended in 1.1: raise the lock, or waive it with a reason and a day "
         "in tests/supply/waivers.toml."],
    )  # fmt: skip


@pytest.mark.parametrize("name", ["GHSA-1", "PYSEC-1"])
def test_a_waived_one_passes_by_either_name_until_its_day(name):
    assert judge(waived(name=name), TODAY, answer(ILL))[0] == CLEAN


def test_an_expired_waiver_fails_before_anything_is_asked():
    def unasked():
        raise AssertionError("asked")

    assert judge(waived(until=date(2026, 11, 27)), TODAY, unasked) == (
        BAD,
        ["The waiver of GHSA-1 (ill) expired on 2026-11-27; take a version without it, or say "
         "anew why it does no harm."],
    )  # fmt: skip


def test_a_waiver_of_another_package_s_advisory_waives_nothing():
    other = {**ILL, "name": "other"}
    code, sentences = judge(waived(), TODAY, answer(other))
    assert code == BAD
    assert sentences[0].startswith("other 1.0 has PYSEC-1")
    assert sentences[1] == "The waiver of GHSA-1 (ill) is needed no longer; take it out."


def test_an_index_without_advisories_is_not_called_clean():
    assert judge((), TODAY, answer(SKIPPED, SKIPPED)) == (
        UNREACHED,
        ["No advisory could be reached for any of 2 packages, so nothing is known of "
         "vulnerabilities; run 'make vulnerabilities' where the package index can be asked."],
    )  # fmt: skip


def test_a_package_that_nobody_looked_up_is_no_success():
    assert judge((), TODAY, answer(SOUND, SKIPPED)) == (
        BAD, ["1 packages could not be looked up (own)."]
    )  # fmt: skip


def test_a_lock_in_which_no_package_is_found_is_no_success():
    assert judge((), TODAY, answer()) == (BAD, ["pip-audit found no package in requirements.lock."])


def test_no_network_is_one_sentence_and_any_other_silence_a_failure():
    lost = (
        "Traceback\nrequests.exceptions.ConnectionError: HTTPSConnectionPool(host='index.example')"
    )
    assert judge((), TODAY, lambda: ("", lost)) == (
        UNREACHED,
        ["No advisory could be reached, so nothing is known of vulnerabilities; run 'make "
         "vulnerabilities' where the package index can be asked."],
    )  # fmt: skip
    assert judge((), TODAY, lambda: ("", "a\nwrong option")) == (
        BAD, ["pip-audit gave no answer: wrong option"]
    )  # fmt: skip


def test_pip_audit_itself_without_a_network(tmp_path, monkeypatch):
    """The signs of a missing network are this version's; it asks where nothing listens."""
    monkeypatch.setattr(vulnerabilities, "LOCK", tmp_path / "lock")
    vulnerabilities.LOCK.write_text("polars==1.30.0\n")
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path))
    code, [sentence] = judge((), TODAY, vulnerabilities.ask_pip_audit)
    assert (code, sentence.split(",")[0]) == (UNREACHED, "No advisory could be reached")


def test_every_waiver_has_a_reason_and_the_file_is_read_whole(tmp_path):
    read_waivers()
    wrong = tmp_path / "waivers.toml"
    wrong.write_text('[[vulnerability]]\nid="a"\npackage="b"\nwhy="no"\nuntil=2027-01-01\n')
    with pytest.raises(ValueError, match="why\n"):
        read_waivers(wrong)


def test_the_exit_code_is_the_process_s():
    code = (
        "from tests.supply import vulnerabilities as v; "
        "v.ask_pip_audit = lambda: ('', 'ReadTimeout'); raise SystemExit(v.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (UNREACHED, "")
    assert done.stderr.startswith("vulnerabilities: No advisory could be reached, so")
