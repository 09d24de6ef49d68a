"""What a worker writes on one node, the caller reads on another."""

from scripts.engines.letters import Letters, WritingDesk


def test_lines_are_read_once_each_and_only_when_they_are_whole(tmp_path):
    letters = Letters(tmp_path / "1.jsonl")
    assert letters.new() == []  # not begun
    desk = WritingDesk(tmp_path / "1.jsonl")
    desk.say("a line", private=True, check="c")
    assert letters.new() == [["say", "a line", {"private": True, "check": "c"}]]
    with (tmp_path / "1.jsonl").open("a") as file:
        file.write('["say", "hal')
        file.flush()
        assert letters.new() == []
        file.write('f", {}]\n')
    assert letters.new() == [["say", "half", {}]]
    assert letters.new() == []


def test_a_bar_is_written_now_and_then_and_always_at_its_end(tmp_path):
    now = [0.0]
    desk = WritingDesk(tmp_path / "1.jsonl", lambda: now[0])
    with desk.progress("a bar") as show, desk.progress("another") as other:
        for done, at in ((1, 0.0), (2, 0.1), (3, 0.6), (4, 0.7), (5, 0.8)):
            now[0] = at
            show(done, 5)
        other(1, 9)
    assert Letters(tmp_path / "1.jsonl").new() == [
        ["show", "a bar", 1, 5],
        ["show", "a bar", 3, 5],
        ["show", "a bar", 5, 5],
        ["show", "another", 1, 9],
        ["ended", "another"],
        ["ended", "a bar"],
    ]


def test_what_cannot_be_written_stops_no_work(tmp_path):
    WritingDesk(tmp_path / "gone" / "1.jsonl").say("a line")


def test_a_line_that_a_full_disk_cut_is_left_out(tmp_path):
    (tmp_path / "1.jsonl").write_text('["say", "hal["say", "lost", {}]\n["ended", "a bar"]\n')
    assert Letters(tmp_path / "1.jsonl").new() == [["ended", "a bar"]]
