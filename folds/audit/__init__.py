"""What is the same picture twice, and what leaks from one fold to another."""
