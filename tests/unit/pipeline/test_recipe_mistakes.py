"""A mistake as a sentence: the key as the recipe spells it, and what was meant."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.networks.tasks.registry import task_of
from models.networks.tasks.task import Task
from pipeline.recipe_mistakes import worded


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Phase(Strict):
    epochs: int = Field(default=1, ge=1)


class Net(Strict):
    size: int
    kind: Literal["big", "small"] = "big"
    phases: list[Phase] = []


class Asking(Strict):
    task: Task | None = None

    @field_validator("task", mode="before")
    @classmethod
    def _of_its_kind(cls, values: Any) -> Any:
        return task_of(values)


class Root(Strict):
    name: str = "mine"
    seed: int = 0
    share: float | Literal["all"] = 0.5
    names: tuple[str, ...] = Field(default=(), strict=False)
    net: Net | None = None
    networks: dict[str, Net] = {}
    asking: dict[str, Asking] = {}

    @field_validator("share")
    @classmethod
    def _below_one(cls, share: Any) -> Any:
        if isinstance(share, float) and share > 1:
            raise ValueError("Shares end at 1")
        return share

    @model_validator(mode="after")
    def _together(self) -> "Root":
        if self.seed == 13:
            raise ValueError("seed 13 is nobody's")
        return self


def told(typed=(), **values):
    with pytest.raises(ValidationError) as refused:
        Root.model_validate(values)
    return worded(refused.value, Root, values, ("mine.toml", typed))


@pytest.mark.parametrize(
    ("typed", "place"),
    [(["net.size=a"], "SET"), (['net={ size = "a" }'], "SET"), (["seed=1"], "mine.toml"),
     (["net.siz=a"], "mine.toml")],
)  # fmt: skip
def test_what_was_typed_is_not_blamed_on_the_recipe(typed, place):
    assert told(typed, net={"size": "a"}).startswith(f"Option 'net.size' in {place} is 'a': ")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"sed": 1}, "Unknown option 'sed' in mine.toml; did you mean 'seed'?"),
        (
            {"xyzzy": 1},
            "Unknown option 'xyzzy' in mine.toml; known are seed, share, names, net, networks, "
            "asking.",  # a recipe is named by its file
        ),
        (
            {"net": {"size": 1, "sise": 2}},
            "Unknown option 'net.sise' in mine.toml; did you mean 'net.size'?",
        ),
        (
            {"networks": {"sed": {"size": 1, "xyzzy": 2}}},
            "Unknown option 'networks.sed.xyzzy' in mine.toml; known are size, kind, phases.",
        ),
        (
            {"net": {"size": 1, "phases": [{}, {"epoch": 1}]}},
            "Unknown option 'net.phases.1.epoch' in mine.toml; did you mean 'net.phases.1.epochs'?",
        ),
    ],
)
def test_an_unknown_key_is_named_where_it_stands_with_its_nearest(values, sentence):
    assert told(**values) == sentence


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"net": {}}, "Option 'net.size' is missing in mine.toml."),
        ({"networks": {"size": {}}}, "Option 'networks.size.size' is missing in mine.toml."),
        ({"seed": "x"}, "Option 'seed' in mine.toml is 'x': input should be a valid integer."),
        ({"share": 2.0}, "Option 'share' in mine.toml is 2.0: shares end at 1."),
        ({"names": 3}, "Option 'names' in mine.toml is 3: input should be a valid list."),
        (
            {"net": {"size": 1, "kind": "odd"}},
            "Option 'net.kind' in mine.toml is 'odd': input should be 'big' or 'small'.",
        ),
        (
            {"net": {"size": 1, "phases": [{"epochs": 0}]}},
            "Option 'net.phases.0.epochs' in mine.toml is 0: input should be greater than or equal "
            "to 1.",
        ),
        ({"seed": 13}, "Recipe mine.toml: seed 13 is nobody's."),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_key_and_the_reason(values, sentence):
    assert told(**values) == sentence


def test_a_key_of_several_kinds_is_named_once_and_not_by_the_kinds_that_were_tried():
    assert told(share="some") == (
        "Option 'share' in mine.toml is 'some': input should be a valid number (+1 more)."
    )


def test_of_several_mistakes_the_first_is_told_and_the_others_are_counted():
    assert told(seed="x", sed=1, net={}) == (
        "Option 'seed' in mine.toml is 'x': input should be a valid integer (+2 more)."
    )
    assert told(sed=1, sede=2) == (
        "Unknown option 'sed' in mine.toml; did you mean 'seed' (+1 more)?"
    )


def test_fields_of_a_task_are_those_of_its_kind():
    values = {"one": {"task": {"kind": "target", "treshold": "none"}}}
    assert told(asking=values) == (
        "Unknown option 'asking.one.task.treshold' in mine.toml; did you mean "
        "'asking.one.task.threshold'?"
    )


def test_long_and_odd_input_is_cut_and_made_safe_to_print():
    assert told(seed="a" * 100) == (
        f"Option 'seed' in mine.toml is '{'a' * 36}...: input should be a valid integer."
    )
    assert told(**{"a\x1bb" + "c" * 100: 1}).startswith(
        f"Unknown option 'a\\x1bb{'c' * 31}...' in mine.toml; known are "
    )
