"""What tests write themselves, so that what the code makes of it can be said by hand.

`units`: units anywhere, of tables that a test states. `stack`: ninety rows of them with features
and a block. `pictures`: a whole run of few rows with pictures and untrained networks. `calls`: a
run of tables of which nothing is made, and calls on it. `tasks`: what a task hangs on.
"""
