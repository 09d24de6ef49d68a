"""The page of a prediction: ten thousand pictures, what is said of each, and where it was seen."""
