import gc
import json
import shutil
import time
import weakref
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.makers import Threads, Watching, break_down, draw, fail, find_no_room, write_slowly
from workspace import tasks
from workspace.errors import ArtifactError, ConfigError
from workspace.executors import ThisProcess
from workspace.tasks import Output, UnknownYetError, open_task, state_of
from workspace.work import carry_out


def test_what_waits_for_another_is_made_after_it_and_given_back_in_its_place(make, context):
    first = make("first", "word")
    second = make.copy_of("second", first)
    third = make("third", after=[second])
    found = carry_out([third, second, first], context)
    assert make.log() == ["first", "second", "third"]
    assert [unit.folder.name for unit, _ in found] == ["third", "second", "first"]
    assert [new for _, new in found] == [True] * 3
    assert (second.folder / "text.txt").read_text() == "WORD"
    manifest = json.loads((second.folder / "manifest.json").read_text())
    assert manifest["inputs"] == {"it": open_task(first).content()}
    assert manifest["sources"]


def test_nobody_keeps_a_task_when_its_call_has_ended(make, context):
    task = make("one")
    seen = weakref.ref(task)
    carry_out([task], context)
    del task
    gc.collect()
    assert seen() is None


def test_tasks_in_a_ring_are_our_own_mistake(make, context):
    ring = []
    first = make("first", after=ring)
    ring.append(make("second", after=[first]))
    with pytest.raises(ValueError, match="cycle"):
        carry_out([first, *ring], context)


def test_what_is_done_is_left_and_not_announced(make, context, desk):
    carry_out([make("one")], context)
    before = (make("one").folder / "manifest.json").stat().st_mtime_ns
    assert [new for _, new in carry_out([make("one"), make("two")], context)] == [False, True]
    assert make.log() == ["one", "two"]
    assert (make("one").folder / "manifest.json").stat().st_mtime_ns == before
    assert desk.begun == [("stack", "one", 1, 1), ("stack", "two", 2, 2)]


def test_other_settings_redo_or_stop_with_the_whole_sentence(make, context):
    carry_out([make("one"), make("two", on_change="stop")], context)
    carry_out([make("one", "other")], context)
    with pytest.raises(ArtifactError) as refused:
        carry_out([make("two", "other", on_change="stop")], context)
    assert make.log() == ["one", "two", "one"]
    assert str(refused.value) == (
        f"{make('two').folder} was made from other values (text); restore them, take another "
        "folder, or run 'make stack FRESH=1' with the new ones."
    )


def test_all_that_other_values_stop_are_named_at_once(make, context):
    old = [make(f"t{n}", on_change="stop") for n in range(3)]
    carry_out(old, context)
    new = [make(f"t{n}", "other", on_change="stop") for n in (0, 1)]
    with pytest.raises(ArtifactError) as refused:
        carry_out([*new, old[2]], context)
    assert str(refused.value) == (
        f"t0, t1 in {old[0].folder.parent} were made from other values (text); restore them, take "
        "another folder, or run 'make stack FRESH=1' with the new ones."
    )


def test_a_refusal_lets_those_at_work_finish(make, context, desk):
    first = make("first")
    carry_out([first, make.copy_of("old", first, on_change="stop")], context)
    several = replace(context, executor=Threads(desk))
    log = make("slow").arguments["log"]
    slow = make("slow", maker=write_slowly, arguments={"text": "x", "log": log, "seconds": 0.3})
    other = make("first", "other")
    with pytest.raises(ArtifactError, match=r"made from other values \(input it\)"):
        carry_out([slow, other, make.copy_of("old", other, on_change="stop")], several)
    assert several.executor.stopped_at_work == 0
    assert (slow.folder / "manifest.json").is_file()


def test_what_can_be_refused_at_once_is_refused_before_any_work(make, context):
    carry_out([make("old", on_change="stop")], context)
    with pytest.raises(ArtifactError, match=r"made from other values \(text\)"):
        carry_out([make("long"), make("old", "other", on_change="stop")], context)
    assert make.log() == ["old"]


def test_downstream_is_redone_only_where_the_upstream_has_other_bytes(make, context):
    first = make("first", "word")
    carry_out([first, make.copy_of("second", first)], context)
    same = make("first", "word", settings={"name": "first", "about": "said otherwise"})
    assert [new for _, new in carry_out([same, make.copy_of("second", same)], context)] == [
        True, False,
    ]  # fmt: skip
    other = make("first", "other")
    carry_out([other, make.copy_of("second", other)], context)
    assert make.log() == ["first", "second", "first", "first", "second"]


def test_an_output_may_be_one_file(make, context):
    first = make("first")
    [(unit, _)] = carry_out([first], context)
    assert Output(first, "text.txt").sha256(unit) == unit.sha256("text.txt") != unit.content()
    with pytest.raises(ArtifactError, match=r"has no other\.txt; delete the folder first and"):
        Output(first, "other.txt").sha256(unit)


def test_fresh_makes_anew_all_but_what_stays(make, context):
    both = [make("one"), make("shard", stays=True)]
    carry_out(both, context)
    carry_out(both, replace(context, fresh=True))
    assert make.log() == ["one", "shard", "one"]
    carry_out([make("shard", "other", stays=True)], replace(context, fresh=True))
    assert make.log()[-1] == "shard"


def test_after_does_not_make_anything_stale(make, context):
    shard = make("shard")
    table = make("table", after=[shard])
    carry_out([shard, table], context)
    carry_out([make("shard", "other"), table], context)
    assert make.log() == ["shard", "table", "shard"]


def test_an_input_that_nobody_made_is_named_with_its_stage(make, context):
    first = make("first")
    with pytest.raises(ArtifactError) as missing:
        carry_out([make.copy_of("second", first)], context)
    assert str(missing.value) == (
        f"{first.folder} is not there or unfinished; run 'make stack' first."
    )


def test_the_first_error_is_raised_once_others_at_work_have_finished(make, context, desk):
    threads = Threads(desk)
    bad = make("bad", maker=fail, arguments={})
    arguments = {"text": "x", "seconds": 0.3}
    slow = make("slow", maker=write_slowly, arguments=arguments)
    late = make("late")
    with pytest.raises(ConfigError, match=r"^It cannot be made; mend it\.$"):
        carry_out([bad, slow, late], replace(context, executor=threads))
    assert (slow.folder / "manifest.json").is_file()
    assert not late.folder.exists()  # nothing begins after an error
    assert not bad.folder.exists()
    assert not list(bad.folder.parent.glob(".*"))  # no lock, no draft


def test_our_own_mistakes_stop_everything(make, context, desk):
    threads = Threads(desk)
    bad = make("bad", maker=break_down, arguments={})
    slow = make("slow", maker=write_slowly, arguments={"text": "x", "seconds": 0.3})
    with pytest.raises(ValueError, match="our own mistake"):
        carry_out([slow, bad], replace(context, executor=threads))
    assert threads.stopped_at_work == 1


def test_a_watcher_sees_every_state_and_nothing_is_made(make, context):
    first = make("first", "word")
    second, third = make.copy_of("second", first), make("third")
    carry_out([third], context)
    watcher = Watching()
    watched = replace(context, watcher=watcher)
    with pytest.raises(UnknownYetError) as unknown:
        carry_out([second, first, third], watched)
    assert str(unknown.value) == "first, second"
    assert [(s.task.name, s.why, s.done) for s in watcher.states] == [
        ("second", "not made yet", False), ("first", "not made yet", False), ("third", "", True),
    ]  # fmt: skip
    assert make.log() == ["third"]
    carry_out([first, second], context)
    assert [new for _, new in carry_out([first, second], watched)] == [False, False]


def test_a_watcher_is_told_why(make, context):
    first = make("first", "word", on_change="stop")
    second = make.copy_of("second", first)
    carry_out([first, second], context)
    watcher = Watching()
    other = make("first", "other", on_change="stop")
    with pytest.raises(UnknownYetError):
        carry_out([other, make.copy_of("second", other)], replace(context, watcher=watcher))
    assert [(s.why, s.stops) for s in watcher.states] == [
        ("made from other values: text", True), ("first may change", False),
    ]  # fmt: skip
    assert state_of(first, replace(context, fresh=True)).why == "FRESH=1"


def test_other_code_is_kept_and_said_once(make, context, desk, monkeypatch):
    carry_out([make("one"), make("two")], context)
    monkeypatch.setattr(tasks, "sources_of", lambda *_: "f" * 64)
    carry_out([make("one"), make("two")], context)
    carry_out([make("one")], context)
    assert desk.said == [
        f"notice: {make('one').folder} was made by other code and is kept; 'make stack FRESH=1' "
        "redoes it, 'make plan' names all such."
    ]
    assert make.log() == ["one", "two"]
    assert state_of(make("two"), context).other_code


def test_a_maker_that_is_named_is_imported_where_it_is_carried_out(make, context, monkeypatch):
    named = make("one", maker="tests.makers:write")
    carry_out([named], context)
    monkeypatch.setattr("tests.makers.write", None)
    assert [new for _, new in carry_out([named], context)] == [False]
    assert (named.folder / "text.txt").read_text() == "x"
    same = make("one")
    assert not state_of(same, context).other_code  # by name or by itself: the same sources


def test_a_damaged_file_stops_or_is_made_anew(make, context):
    both = [make("one"), make("shard", on_damage="redo")]
    carry_out(both, context)
    for task in both:
        (task.folder / "text.txt").write_text("torn")
    carry_out(both[1:], context)
    assert make.log() == ["one", "shard", "shard"]
    with pytest.raises(ArtifactError, match="does not match its hash: it was changed after it"):
        carry_out(both[:1], context)
    assert (both[0].folder / "text.txt").read_text() == "torn"
    carry_out(both[:1], replace(context, fresh=True))
    assert (both[0].folder / "text.txt").read_text() == "x"


def test_a_damaged_unit_alone_is_made_anew_once_its_folder_is_gone(make, context):
    every = [make(f"t{n}", on_change="stop") for n in range(3)]
    carry_out(every, context)
    (every[1].folder / "text.txt").write_text("torn")
    with pytest.raises(ArtifactError) as damaged:
        carry_out(every, context)
    assert str(damaged.value) == (
        f"{every[1].folder / 'text.txt'} does not match its hash: it was changed after it was "
        "written; restore it, or delete the folder t1 and run 'make stack', which makes it alone "
        "anew."
    )
    shutil.rmtree(every[1].folder)
    assert [new for _, new in carry_out(every, context)] == [False, True, False]
    assert make.log() == ["t0", "t1", "t2", "t1"]


def test_what_is_for_people_is_no_reason_to_make_anything_anew(make, context, desk):
    shown = make("one", maker=draw, arguments={"text": "x"}, on_change="stop")
    carry_out([shown], context)
    (shown.folder / "picture.svg").write_text("torn")
    for _ in range(2):
        assert [new for _, new in carry_out([shown], context)] == [False]
    assert desk.said == [
        f"notice: {shown.folder / 'picture.svg'} was changed after it was written, or is gone; "
        "nothing is made of it, so the rest stands."
    ]


def test_as_many_are_at_work_as_there_are_slots(make, context, desk):
    at_work, most = [], []

    class Counting(Threads):
        def submit(self, function, /, *arguments):
            at_work.append(1)
            most.append(len(at_work))
            future: Future = super().submit(function, *arguments)
            future.add_done_callback(lambda _: at_work.pop())
            return future

    slow = [
        make(f"t{n}", maker=write_slowly, arguments={"text": "x", "seconds": 0.1}) for n in range(5)
    ]
    carry_out(slow, replace(context, executor=Counting(desk)))
    assert max(most) == 2
    assert [number for *_, number, _ in desk.begun] == [1, 2, 3, 4, 5]
    assert 0 < desk.left < 5  # what is left, by what was made


def test_what_is_ready_at_one_time_is_submitted_together(make, context, desk):
    arrays = []

    class Gathering(Threads):
        @contextmanager
        def together(self):
            arrays.append([])
            yield

        def submit(self, function, /, *arguments):
            arrays[-1].append(arguments[0].folder.name)
            return super().submit(function, *arguments)

    one, two, three = (make(name) for name in ("one", "two", "three"))
    last = make("last", inputs={"it": Output(one)})
    carry_out([one, two, three, last], replace(context, executor=Gathering(desk, slots=3)))
    assert [array for array in arrays if array] == [["one", "two", "three"], ["last"]]


def test_an_error_in_this_process_goes_its_straight_way(desk):
    began = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        ThisProcess(desk).submit(lambda desk: 1 / 0)
    assert ThisProcess(desk).submit(lambda a, desk: a, 3).result() == 3
    assert time.monotonic() - began < 1


def test_what_the_system_refuses_a_maker_is_an_error_like_ours(make, context):
    """So that the others at work may finish, and it travels from another process as one line."""
    with pytest.raises(ArtifactError) as refused:
        carry_out([make("one", maker=find_no_room, arguments={})], context)
    assert str(refused.value) == (
        "Cannot write /scratch/x: No space left on device; make room, and the same command goes on."
    )
    assert not make("one").folder.exists()
