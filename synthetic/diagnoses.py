"""What a pathologist would write: the real table's diagnosis paths, with rough shares.

Nothing is read. A path's levels, joined by `::`, are iddx_full; the levels alone iddx_1 to iddx_5.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from workspace.arrays import Ints

Kind = Literal["follicular", "melanoma", "epidermal", "benign"]
KINDS: tuple[Kind, ...] = ("follicular", "melanoma", "epidermal", "benign")
LEVELS = 5


@dataclass(frozen=True)
class Diagnosis:
    """One path, from general to particular."""

    kind: Kind
    share: int  # weight among the malignant, or among the benign
    path: tuple[str, ...]

    @property
    def full(self) -> str:
        return "::".join(self.path)

    @property
    def invasive_melanoma(self) -> bool:
        return "Melanoma Invasive" in self.path


_FOLLICULAR = ("Malignant", "Malignant adnexal epithelial proliferations - Follicular")
_BCC = (*_FOLLICULAR, "Basal cell carcinoma")
_MEL = ("Malignant", "Malignant melanocytic proliferations (Melanoma)")
_SCC = ("Malignant", "Malignant epidermal proliferations")
_NEVUS = ("Benign", "Benign melanocytic proliferations", "Nevus")
_CLARK = "Nevus, Atypical, Dysplastic, or Clark"
_EPIDERMAL = ("Benign", "Benign epidermal proliferations")
_IN_SITU = "Melanoma in situ"
_INVASIVE = "Melanoma Invasive"

MALIGNANT = (
    Diagnosis("follicular", 100, (*_BCC, "Basal cell carcinoma, Nodular")),
    Diagnosis("follicular", 48, (*_BCC, "Basal cell carcinoma, Superficial")),
    Diagnosis("follicular", 15, _BCC),
    Diagnosis("melanoma", 48, (*_MEL, _IN_SITU)),
    Diagnosis("melanoma", 18, (*_MEL, _IN_SITU, f"{_IN_SITU}, Lentigo maligna type")),
    Diagnosis("melanoma", 15, (*_MEL, _IN_SITU, f"{_IN_SITU}, Superficial spreading")),
    Diagnosis("melanoma", 45, (*_MEL, _INVASIVE, f"{_INVASIVE}, Superficial spreading")),
    Diagnosis("melanoma", 15, (*_MEL, _INVASIVE)),
    Diagnosis("melanoma", 16, (*_MEL, "Melanoma, NOS")),
    Diagnosis("epidermal", 51, (*_SCC, "Squamous cell carcinoma in situ")),
    Diagnosis("epidermal", 22, (*_SCC, "Squamous cell carcinoma, Invasive")),
)

# The first is nearly all of them: most benign lesions were never cut out.
BENIGN = (
    Diagnosis("benign", 9975, ("Benign",)),
    Diagnosis("benign", 6, (*_NEVUS, _CLARK)),
    Diagnosis("benign", 3, (*_NEVUS, _CLARK, f"{_CLARK}, Compound")),
    Diagnosis("benign", 4, (*_NEVUS, "Nevus, NOS, Junctional")),
    Diagnosis("benign", 6, (*_EPIDERMAL, "Seborrheic keratosis")),
    Diagnosis("benign", 4, (*_EPIDERMAL, "Lichen planus like keratosis")),
    Diagnosis("benign", 2, ("Indeterminate", "Indeterminate epidermal proliferations")),
)
DIAGNOSES = (*MALIGNANT, *BENIGN)

MITOTIC_INDICES = ("0/mm^2", "<1/mm^2", "1/mm^2", "2/mm^2", ">4/mm^2")


def draw(targets: Ints, rng: np.random.Generator) -> Ints:
    """An index into `DIAGNOSES` for each target."""
    malignant = _pick(MALIGNANT, len(targets), rng)
    benign = _pick(BENIGN, len(targets), rng) + len(MALIGNANT)
    return np.where(targets == 1, malignant, benign)


def kinds(diagnosis: Ints) -> Ints:
    """The index into `KINDS` of each index into `DIAGNOSES`."""
    table = np.array([KINDS.index(each.kind) for each in DIAGNOSES], dtype=np.int64)
    return table[diagnosis]


def _pick(among: tuple[Diagnosis, ...], size: int, rng: np.random.Generator) -> Ints:
    ends = np.cumsum([each.share for each in among])
    return np.searchsorted(ends, rng.integers(ends[-1], size=size), side="right")
