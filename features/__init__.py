"""Metadata -> tabular features (lesion, patient, context), one function for train and test."""
