"""Tasks that nobody carries out: what they hang on, and whether another process could."""

import pickle
from inspect import signature

from workspace.orders import function_of


def depends_on(task):
    """By what a finished unit is known to be the wanted one."""
    inputs = {
        name: one if isinstance(one, str) else (one.task.folder, one.file)
        for name, one in task.inputs.items()
    }
    return dict(task.settings), inputs


def check_travels(task):
    """Another process can carry it out: it is all picklable, named as asked, and of no call."""
    packed = pickle.dumps((task.make, dict(task.arguments)))
    assert b"pipeline.job" not in packed
    make, arguments = pickle.loads(packed)
    assert make is task.make or make == task.make  # a function, or the name of one
    assert ["draft", *arguments] == list(signature(function_of(make)).parameters)
    assert arguments == dict(task.arguments)
