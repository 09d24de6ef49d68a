"""Raw data -> the sample table, the duplicate and leak audit, who is held out.

Reads the folders people download; hands on one table with one row a lesion image, and a frozen
table that says in which fold each row is held out.
"""
