"""Engines that carry tasks out: processes of this machine, Ray's nodes, SLURM's jobs.

Only `scripts/fanout.py` chooses among them, and each is imported when it is chosen.
"""
