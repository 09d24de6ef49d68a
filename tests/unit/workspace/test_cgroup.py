import pytest

from workspace import cgroup
from workspace.cgroup import cpu_quota, memory_left


@pytest.fixture
def groups(monkeypatch, tmp_path):
    """Writes files of control groups; says which this process is in."""
    monkeypatch.setattr(cgroup, "MOUNT", tmp_path / "cgroup")
    monkeypatch.setattr(cgroup, "OWN", tmp_path / "own")

    def write(own, **files):
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            path = tmp_path / "cgroup" / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


def test_without_control_groups_nothing_is_limited(groups):
    assert (cpu_quota(), memory_left()) == (None, None)
    groups("0::/\nnonsense:: \n", cpu_dot_max="max 100000\n", memory_dot_max="max\n")
    assert (cpu_quota(), memory_left()) == (None, None)


def test_the_tightest_of_the_own_group_and_those_above_counts(groups):
    groups(
        "0::/slice/job\n", slice__job__cpu_dot_max="400000 100000\n",
        slice__cpu_dot_max="150000 100000\n", slice__memory_dot_max="1000\n",
        other__cpu_dot_max="1 100000\n",
    )  # fmt: skip
    assert (cpu_quota(), memory_left()) == (1.5, 1000)


def test_what_a_group_holds_already_is_not_left_but_for_what_was_read_of_files(groups):
    groups(
        "0::/job\n", job__memory_dot_max="1000\n", job__memory_dot_current="700\n",
        job__memory_dot_stat="anon 400\nactive_file 100\ninactive_file 50\n",
        memory_dot_max="5000\n", memory_dot_current="4700\n",
    )  # fmt: skip
    assert memory_left() == 300  # those above: 1000 - (700 - 150) = 450 in the own group
    groups("0::/job\n", memory_dot_current="9000\n")
    assert memory_left() == 0


def test_version_1_counts_the_files_of_the_groups_below_too(groups):
    groups(
        "4:memory:/job\n", memory__job__memory_dot_limit_in_bytes="4096\n",
        memory__job__memory_dot_usage_in_bytes="3000\n",
        memory__job__memory_dot_stat="active_file 1\ninactive_file 1\ntotal_active_file 500\n"
        "total_inactive_file 404\nhierarchical_memory_limit 9\n",
    )  # fmt: skip
    assert memory_left() == 2000


def test_a_container_sees_its_own_group_as_the_uppermost(groups):
    groups("0::/../far/away\n", cpu_dot_max="200000 100000\n", memory_dot_max="2048\n")
    assert (cpu_quota(), memory_left()) == (2.0, 2048)


def test_version_1_has_a_folder_for_each_controller(groups):
    groups(
        "4:memory:/job\n2:cpu,cpuacct:/job\n1:name=systemd:/\n",
        cpu__job__cpu_dot_cfs_quota_us="50000\n", cpu__job__cpu_dot_cfs_period_us="100000\n",
        cpu__cpu_dot_cfs_quota_us="-1\n", cpu__cpu_dot_cfs_period_us="100000\n",
        memory__job__memory_dot_limit_in_bytes="4096\n",
    )  # fmt: skip
    assert (cpu_quota(), memory_left()) == (0.5, 4096)
