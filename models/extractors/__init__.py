"""Networks that are trained for their embeddings, which the stack takes as columns."""
