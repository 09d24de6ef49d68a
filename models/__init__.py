"""Pixels -> logits and embeddings. The only room, with scripts, that may import torch."""
