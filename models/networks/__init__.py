"""One kind of network: what it is made of, what it learns, how it is trained, kept and measured."""
