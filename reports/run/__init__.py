"""What the page of a run says, part by part."""
