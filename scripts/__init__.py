"""One thin file per stage, run as `python -m scripts.<stage>` or `make <stage>`.

The only room that knows the order of the others.
"""

from workspace.machine import begin_process

begin_process()  # before a library loads that computes with threads
