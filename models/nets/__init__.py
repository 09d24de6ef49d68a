"""Networks: a timm backbone with attention, the head on it, and where its weights come from."""
