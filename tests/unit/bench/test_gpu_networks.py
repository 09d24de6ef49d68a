"""What of the GPU's proof is begun within its seconds, and which networks it names."""

import timm

from tests.bench.gpu_networks import FULL, LEAST_S, Budget


class Hours:
    """A clock that moves by what a group takes."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def group(self, name, seconds):
        def make():
            self.now += seconds
            return [{"what": name}]

        return name, make


def test_a_group_begins_only_where_the_longest_so_far_would_still_fit(capsys):
    clock = Hours()
    budget = Budget(300.0, clock)
    groups = [("a", 10.0), ("b", 90.0), ("c", 115.0), ("d", 5.0)]  # d: 85 s are left, b took 90
    rows = budget.rows_of(clock.group(*one) for one in groups)
    assert [row["what"] for row in rows] == ["a", "b", "c"]
    assert budget.said() == "Left out for want of time: d."
    assert capsys.readouterr().err.splitlines()[1] == "gpu-proof: b, 90 s."


def test_before_any_group_was_seen_it_is_taken_for_a_minute():
    clock = Hours()
    assert Budget(LEAST_S - 1, clock).rows_of([clock.group("a", 1.0)]) == []
    assert Budget(LEAST_S, clock).rows_of([clock.group("a", 1.0)]) != []
    assert Budget(LEAST_S, clock).said() == ""


def test_the_networks_of_the_full_size_are_timm_s():
    names = [size.backbone for size in FULL]
    assert all(timm.is_model(name) for name in names)
    assert [size.px for size in FULL] == [224, 224, 336, 224]
