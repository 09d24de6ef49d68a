"""What is asked of a trained network: views to average over, heat maps, and speed."""
