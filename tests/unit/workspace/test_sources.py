"""Each test has a small project of its own, whose modules are asked as if they were ours."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from workspace import sources
from workspace.hashing import HashMemory
from workspace.sources import sources_of

MAKER = '''"""What it is."""
from rooms.helper import helped


def make(x):
    """What it does."""
    return helped(x)  # why
'''


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write a module; ask for the hash of `rooms.maker`."""
    monkeypatch.setattr(sources, "REPOSITORY", tmp_path)
    sources._path_of.cache_clear()
    yield Project(tmp_path)
    sources._path_of.cache_clear()


class Project:
    def __init__(self, folder):
        self.folder = folder
        self.memory = HashMemory()
        self.write("rooms/__init__.py", "")
        self.write("rooms/maker.py", MAKER)
        self.write(
            "rooms/helper.py", "import rooms.far\n\ndef helped(x):\n    return rooms.far.y(x)\n"
        )
        self.write("rooms/far.py", "def y(x):\n    return x\n")
        self.write("rooms/other.py", "")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def hash(self, module="rooms.maker"):
        return sources_of(SimpleNamespace(__module__=module), self.memory)


@pytest.mark.parametrize(
    "text",
    [
        MAKER.replace("# why", "# for another reason"),
        MAKER.replace("What it does.", "What it does, in other words."),
        MAKER.replace('"""What it is."""\n', ""),
        MAKER.replace("return helped(x)", "return helped(\n        x\n    )"),
        MAKER.replace("\n\n\ndef", "\n\ndef"),
    ],
)
def test_words_and_layout_do_not_count(project, text):
    before = project.hash()
    assert text != MAKER
    project.write("rooms/maker.py", text)
    assert project.hash() == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rooms/maker.py", MAKER.replace("helped(x)", "helped(x + 1)")),
        ("rooms/maker.py", MAKER.replace("def make(x)", "def make(x=0)")),
        ("rooms/helper.py", "def helped(x):\n    return x\n"),
        ("rooms/far.py", "def y(x):\n    return -x\n"),  # imported by what it imports
    ],
)
def test_code_counts_here_and_in_what_is_imported(project, name, text):
    before = project.hash()
    project.write(name, text)
    assert project.hash() != before


def test_what_is_not_imported_does_not_count(project):
    before = project.hash()
    project.write("rooms/other.py", "x = 1")
    project.write("rooms/new.py", "x = 1")
    assert project.hash() == before


@pytest.mark.parametrize("room", ["workspace", "tests"])
def test_the_ground_floor_does_not_count(project, room):
    project.write("rooms/maker.py", f"from {room}.units import Draft\n")
    project.write(f"{room}/units.py", "class Draft: ...\n")
    before = project.hash()
    project.write(f"{room}/units.py", "class Draft:\n    x = 1\n")
    assert project.hash() == before


def test_how_a_call_is_told_what_to_do_does_not_count(project):
    project.write("rooms/maker.py", "from pipeline.job import Job\n\ndef task(job: Job): ...\n")
    project.write("pipeline/job.py", "from rooms.far import y\n\nclass Job: ...\n")
    before = project.hash()
    project.write("pipeline/job.py", "from rooms.far import y\n\nclass Job:\n    x = 1\n")
    project.write("rooms/far.py", "def y(x):\n    return -x\n")
    assert project.hash() == before


def test_an_import_inside_a_function_counts(project):
    project.write("rooms/maker.py", "def make():\n    from rooms.far import y\n    return y\n")
    before = project.hash()
    project.write("rooms/far.py", "def y(x):\n    return 2 * x\n")
    assert project.hash() != before


def test_a_function_that_is_named_counts_as_itself_and_is_not_imported(project):
    assert sources_of("rooms.maker:make", project.memory) == project.hash()
    assert "rooms.maker" not in sys.modules


def test_a_module_taken_from_its_package_counts(project):
    project.write("rooms/maker.py", "from rooms import far\n")
    before = project.hash()
    project.write("rooms/far.py", "z = 3\n")
    assert project.hash() != before


def test_modules_may_import_each_other(project):
    project.write("rooms/far.py", "import rooms.maker\n")
    assert project.hash() == project.hash()


def test_a_stage_that_runs_as_main_is_known_by_its_name(project, monkeypatch):
    main = ModuleType("__main__")
    main.__spec__ = SimpleNamespace(name="rooms.maker")
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert project.hash("__main__") == project.hash("rooms.maker")


def test_a_kept_memory_gives_the_same_and_sees_an_edit(project, tmp_path, monkeypatch):
    monkeypatch.setattr("workspace.hashing.SETTLED_S", -1.0)
    project.memory = HashMemory(tmp_path / "hashes.json")
    before = project.hash()
    monkeypatch.setattr(sources, "_code_of", lambda path: pytest.fail(f"{path} is read again"))
    project.memory = HashMemory(tmp_path / "hashes.json")
    assert project.hash() == before
    monkeypatch.undo()
    monkeypatch.setattr(sources, "REPOSITORY", tmp_path)
    project.write("rooms/far.py", "def y(x):\n    return 5 * x\n")
    assert project.hash() != before
