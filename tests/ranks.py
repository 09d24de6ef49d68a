"""Several ranks of a test, each a process of its own that talks to the others through gloo."""

import os
import traceback

import torch
from torch import distributed

from models.training.ranks import Ranks, leave_ranks
from tests.launcher import FORKING


def be_rank(number, count, folder, work, given):
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    try:
        distributed.init_process_group(
            "gloo", init_method=f"file://{folder}/store", rank=number, world_size=count
        )
        work(Ranks(number, count), *given)
    except BaseException:
        (folder / f"error_{number}").write_text(traceback.format_exc())
        raise
    finally:
        leave_ranks()


def among(count, folder, work, *given):
    """Have so many ranks do this; `work` takes the ranks and what is given."""
    folder.mkdir()
    processes = [
        FORKING.Process(target=be_rank, args=(number, count, folder, work, given))
        for number in range(count)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    errors = [path.read_text() for path in folder.glob("error_*")]
    assert [process.exitcode for process in processes] == [0] * count, "\n".join(errors)
