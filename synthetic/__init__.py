"""Numbers -> raw competition data: a drawn stand-in with the real one's files and columns."""
