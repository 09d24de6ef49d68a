"""What a network can learn, a file each; `registry` knows them by their kind."""
