"""For the Makefile: the end of a sentence about a word that is none, `; did you mean 'RECIPE'?`.

Reads the word and all that there are; prints nothing where none is near, or the word is one of
them. Run as a file by any Python, before there is an environment.
"""

import difflib
import sys


def nearest(word: str, known: list[str]) -> str:
    """Capitals do not count: `recipe` is as near to RECIPE as can be.

    Of several that are near, one that begins so: `train` is train-cnn cut short.
    """
    spelt = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), spelt, n=3, cutoff=0.5)
    near.sort(key=lambda name: not name.startswith(word.lower()))
    return f"; the nearest is '{spelt[near[0]]}'" if near and word not in known else ""


if __name__ == "__main__":
    print(nearest(sys.argv[1], sys.argv[2:]))
