"""What an identity sees of a machine, and which changes it."""

import json

from workspace.identity import Identity, of_this_process


def test_an_identity_has_every_source_and_what_the_lock_pins():
    own = of_this_process()
    assert {"scripts/fanout.py", "workspace/tasks.py"} <= own.sources.keys()
    assert not [name for name in own.sources if name.startswith("tests/")]
    assert {"numpy", "polars", "torch"} <= own.versions.keys()
    assert Identity(**json.loads(json.dumps(own.__dict__))) == own


def test_a_changed_source_a_new_one_and_another_lock_are_seen(tmp_path):
    (tmp_path / "folds").mkdir()
    for name in ("folds/__init__.py", "folds/split.py", "requirements.lock"):
        (tmp_path / name).write_text("one\n")
    before = Identity.of(tmp_path)
    (tmp_path / "folds/split.py").write_text("two\n")
    (tmp_path / "folds/new.py").write_text("")
    (tmp_path / "folds/__pycache__").mkdir()
    (tmp_path / "folds/__pycache__/split.pyc").write_text("")
    after = Identity.of(tmp_path)
    assert before.differences(after) == "other code folds/new.py, folds/split.py"
    (tmp_path / "requirements.lock").write_text("nobody-has-this==1\n")
    assert after.differences(Identity.of(tmp_path)) == "another requirements.lock"
