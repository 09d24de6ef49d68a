"""What a task may look at after each epoch: inner rows, as the network sees them by then."""

from collections.abc import Callable
from dataclasses import dataclass

from models.inference.scores import Scores, Way, score_pictures
from models.input.pictures import Pictures
from models.input.transforms import Transform
from models.nets.network import LesionNet
from workspace.arrays import Ints


@dataclass(frozen=True)
class InnerRows:
    """Indices of pictures, and how they are looked at."""

    pictures: Pictures
    learnt: Ints
    inner: Ints  # of other patients than those that are learnt from
    way: Way  # one view
    augment: Transform  # of training pictures
    seed: int
    title: str  # network and fold, in words
    tell: Callable[[str], None]  # a sentence, to the person

    def scores(self, net: LesionNet, indices: Ints) -> Scores:
        """What the network says of these pictures as they are."""
        return score_pictures(net, self.pictures, indices, self.way)
