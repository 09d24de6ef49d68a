"""Who and which lesion: ids, patients, targets, and who is kept as the test set.

Reads a config and a seed, writes one frame with a row a lesion. Whole numbers only, see
`synthetic.spread`: what looks (floats) is drawn in `synthetic.traits` from other streams.
"""

import numpy as np
import polars as pl

from synthetic import hospitals
from synthetic.config import SyntheticConfig
from synthetic.spread import apportion, lesions_per_patient, spread_positives
from workspace.arrays import Ints

ID_SPACE = 10_000_000  # seven digits
STREAMS = (
    "cohort", "names", "order", "patients", "lesions", "places", "diagnoses", "table", "textures",
    "choice", "copies",
)  # fmt: skip

AGE_MISSING_PER_MILLE = 7  # of rows: 2,798 of 401,059 in the real table
SEX_MISSING_PER_MILLE = 29  # 11,517 of them
MALE_PER_CENT = 62
SIZE_MATTERS_UP_TO = 400  # lesions: beyond, more of them do not make a patient likelier


def stream(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for each part, so that a change in one leaves the others alone.

    Numbers from ID_SPACE up, since those below are the crops' own (`synthetic.crops`).
    """
    return np.random.default_rng([seed, ID_SPACE + STREAMS.index(name)])


def draw_cohort(config: SyntheticConfig, seed: int) -> pl.DataFrame:
    """A row a lesion, sorted by number: number, patient (0, 1, ...), target, test, and patient's.

    Numbers are shuffled over patients and targets, so that an id says nothing.
    """
    rng = stream(seed, "cohort")
    parts = [
        _patients(config.patients, config.rows, config.positives, rng),
        _patients(*config.test_counts(), rng),
    ]
    people = pl.concat(
        [part.with_columns(test=pl.lit(bool(i))) for i, part in enumerate(parts)]
    ).with_row_index("patient")
    return _lesions(people, seed)


def _patients(patients: int, rows: int, positives: int, rng: np.random.Generator) -> pl.DataFrame:
    """A row a patient of one set."""
    lesions = rng.permutation(lesions_per_patient(patients, rows))
    per_hospital = apportion(patients, hospitals.weights("patients"))
    hospital = rng.permutation(np.repeat(np.arange(len(per_hospital)), per_hospital))
    dice = rng.integers(1, 6, size=(3, patients)).sum(axis=0)
    age = 20 + 5 * (dice - 2)  # a bell around 55, from 25 to 85, in steps of five
    key = _risk_order(lesions, hospital, age, rng)
    return pl.DataFrame(
        {
            "lesions": lesions,
            "positives": spread_positives(positives, lesions, key, rng),
            "hospital": hospital,
            "age": age,
            "age_unknown": _unknown(lesions, AGE_MISSING_PER_MILLE, rng),
            "male": rng.integers(100, size=patients) < MALE_PER_CENT,
            "sex_unknown": _unknown(lesions, SEX_MISSING_PER_MILLE, rng),
            "white": rng.integers(100, size=patients) < hospitals.weights("white_share")[hospital],
        }
    )


def _risk_order(lesions: Ints, hospital: Ints, age: Ints, rng: np.random.Generator) -> Ints:
    """Who gets a malignant lesion first: chance over weight, the smallest first.

    The weight rises with age and hospital (a weak signal in the raw columns) and with the number
    of lesions, without which few lesions would mean malignant. Each hospital's first patient
    comes before all others', so that leaving one hospital out always leaves both classes.
    """
    size = np.minimum(lesions, SIZE_MATTERS_UP_TO)
    weight = hospitals.weights("malignancy")[hospital] * (age - 10) * size
    key = rng.integers(2**50, 2**60, size=len(lesions)) // weight
    order = np.argsort(key, kind="stable")
    _, first = np.unique(hospital[order], return_index=True)
    key[order[first]] = -1
    return key


def _unknown(lesions: Ints, per_mille: int, rng: np.random.Generator) -> Ints:
    """1, 2, 1, 2 ... for patients whose lesions make up that share of all rows, 0 for the rest."""
    left = int(lesions.sum()) * per_mille // 1000
    unknown = np.zeros_like(lesions)
    turn = 0
    for patient in rng.permutation(len(lesions)):
        if lesions[patient] <= left:
            left -= int(lesions[patient])
            unknown[patient] = 1 + turn % 2
            turn += 1
    return unknown


def _lesions(people: pl.DataFrame, seed: int) -> pl.DataFrame:
    """One row a lesion of all patients, numbered at random and sorted by the number."""
    lesions = people["lesions"].to_numpy()
    patient = np.repeat(np.arange(len(people)), lesions)
    nth = np.arange(len(patient)) - np.repeat(np.cumsum(lesions) - lesions, lesions)
    names, order = stream(seed, "names"), stream(seed, "order")
    number = names.choice(ID_SPACE, size=len(patient), replace=False)
    visit = order.integers(4, size=len(patient)) == 0  # a quarter in a later visit, if any
    frame = pl.DataFrame(
        {
            "number": number,
            "patient": patient.astype(np.uint32),
            "target": (nth < people["positives"].to_numpy()[patient]).astype(np.int64),
            "lesion_number": names.choice(ID_SPACE, size=len(patient), replace=False),
            "later": visit,
        }
    )
    people = people.with_columns(
        patient_number=pl.Series(names.choice(ID_SPACE, size=len(people), replace=False)),
        returns=pl.Series(order.integers(5, size=len(people)) == 0),
    )
    joined = frame.join(people.drop("positives"), on="patient", how="left", maintain_order="left")
    aged = pl.col("age") + 5 * (pl.col("later") & pl.col("returns")).cast(pl.Int64)
    return joined.with_columns(age=aged).drop("later", "returns").sort("number")
