"""Faults that tests of their own make: which, what came of it, and who shows it.

A row names a test, and a test looks whether it is there, so that no row outlives what shows it.
"""

E2E = "tests/e2e"
ROWS = (
    (
        "kill -9, thirty times", "make train-cnn", "the weights of an unbroken run",
        f"{E2E}/test_train_cnn.py::"
        "test_check_47_thirty_kills_end_in_the_weights_of_an_unbroken_run",
    ),
    (
        "kill -9 within an epoch", "make pretrain", "the weights of an unbroken run",
        f"{E2E}/test_pretrain.py::"
        "test_check_47_killed_in_an_epoch_it_ends_in_the_bits_of_an_unbroken_run",
    ),
    (
        "kill -9 of a worker (JOBS=2)", "make train-cnn",
        "one line; what the other made stays, the same command goes on",
        f"{E2E}/test_jobs.py::"
        "test_two_calls_on_one_run_share_the_work_and_a_killed_worker_loses_its_unit_alone",
    ),
    (
        "two calls on one run", "make submission", "they share the work; no unit twice",
        f"{E2E}/test_jobs.py::"
        "test_two_calls_on_one_run_share_the_work_and_a_killed_worker_loses_its_unit_alone",
    ),
    (
        "two calls on one study", "make tune", "they share the trials",
        f"{E2E}/test_tune.py::test_two_calls_share_the_trials_of_a_run",
    ),
    (
        "kill -9 within the trials", "make distill TRIALS=", "the values of an unbroken study",
        f"{E2E}/test_distill_study.py::test_killed_twice_it_goes_on_to_the_same_values",
    ),
    (
        "SIGTERM", "make train-cnn", "a checkpoint, exit code 143, no half file",
        f"{E2E}/test_train_cnn.py::"
        "test_check_58_sigterm_is_kept_and_the_same_command_goes_on",
    ),
    (
        "last checkpoint cut", "training", "the one before it is taken, with a warning",
        "tests/unit/models/training/test_loop.py::"
        "test_check_52_a_damaged_last_checkpoint_gives_way_to_the_one_before",
    ),
    (
        "one bit of each checkpoint turned", "training", "refused; never from the start",
        "tests/unit/models/training/test_loop.py::"
        "test_check_53_one_flipped_bit_is_damage_and_without_a_whole_one_nothing_begins_anew",
    ),
    (
        "loader's worker ends in an error", "training",
        "its workers are threads, which no kernel kills alone; the error names the picture",
        "tests/unit/models/input/test_loader.py::test_a_damaged_image_is_said_by_its_id",
    ),
    (
        "LightGBM model cut, a digit changed, a cycle of nodes", "boosters",
        "its hash is checked before the native reader sees a byte",
        "tests/unit/stacking/boosters/test_lightgbm.py::"
        "test_check_134_a_damaged_model_is_one_line_and_the_process_lives",
    ),
    (
        "kill -9 of a call with workers", "JOBS=2", "its workers end too",
        "tests/unit/scripts/engines/test_processes.py::test_workers_of_a_killed_call_end_too",
    ),
    (
        "kill -9 of a rank (DEVICES=2)", "make train-cnn",
        "one line; all ranks go on from the last checkpoint to the same network",
        f"{E2E}/test_devices.py::"
        "test_check_66_a_killed_rank_costs_the_steps_since_the_last_checkpoint",
    ),
    (
        "kill -9 of a node and all on it (ENGINE=ray)", "make train-cnn",
        "its networks are made on the other node, the same bytes",
        f"{E2E}/test_engines.py::test_a_killed_nodes_networks_are_made_on_the_other",
    ),
)  # fmt: skip
