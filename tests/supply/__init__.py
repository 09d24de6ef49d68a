"""What this project takes from others: known vulnerabilities, licences, and what is let through."""
