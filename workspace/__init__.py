"""How a result is kept: atomic writes, manifests, locks, checked loads, errors.

The ground floor. It knows nothing about skin, folds or networks; every other room stands on it.
"""
